"""Who may do what in Kafka: the one table of the rights that each role needs."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, FRONTIER_GROUP, SETTINGS, WORKERS

BOT_GROUP = "prompt2pic-bot"  # shares out delivery among several bots
DOCTOR_GROUP = "prompt2pic-doctor"
FOLLOWERS = "follower-"  # begins the names that followers' groups must have; nobody joins them, or commits

_EVERYTHING = (REQUESTS, RESULTS, WORKERS, SETTINGS, DEAD_LETTERS)
_WRITES = {
    "bot": (REQUESTS, RESULTS, SETTINGS),
    "web": (REQUESTS, RESULTS, SETTINGS),
    "worker": (RESULTS, WORKERS, DEAD_LETTERS),
}
_COMMITS = {
    "bot": (BOT_GROUP, DOCTOR_GROUP),
    "web": (DOCTOR_GROUP,),
    "worker": (FRONTIER_GROUP, DOCTOR_GROUP),
}
ROLES = tuple(_WRITES)


class Right(NamedTuple):
    """One right on a `topic` or a `group`, or with `begins` on all whose names begin so.

    `operation` is one of Kafka's, in small letters.
    """

    kind: str
    name: str
    operation: str
    begins: bool = False


class Grant(NamedTuple):
    """A right of a principal, such as `User:web`; the name is the whole one."""

    principal: str
    right: Right


def rights(role: str) -> Iterator[Right]:
    """Yield what a role needs, names without the prefix.

    To read or to write is to describe, and to write is to write idempotently.
    """
    for topic in _EVERYTHING:
        yield Right("topic", topic, "read")
        yield Right("topic", topic, "describe_configs")  # for `doctor`
    for topic in _WRITES[role]:
        yield Right("topic", topic, "write")
    for group in _COMMITS[role]:
        yield Right("group", group, "read")
    yield Right("group", FRONTIER_GROUP, "describe")  # for `doctor`
    yield Right("group", FOLLOWERS, "describe", begins=True)


def grants(prefix: str, principals: Mapping[str, tuple[str, ...]]) -> list[Grant]:
    """Return the rights that principals need for their roles, each once."""
    return sorted(
        {
            Grant(who, right._replace(name=prefix + right.name))
            for role, names in principals.items()
            for who in names
            for right in rights(role)
        }
    )


def binding(grant: Grant) -> AclBinding:
    """Return the ACL that gives a right."""
    right = grant.right
    return AclBinding(
        ResourceType[right.kind.upper()],
        right.name,
        ResourcePatternType.PREFIXED if right.begins else ResourcePatternType.LITERAL,
        grant.principal,
        "*",
        AclOperation[right.operation.upper()],
        AclPermissionType.ALLOW,
    )
