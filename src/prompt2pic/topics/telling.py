"""What `prompt2pic topics` prints."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from prompt2pic.texts import Texts
from prompt2pic.topics.keeping import ENOUGH, Outcome

if TYPE_CHECKING:
    from prompt2pic.log.kafka_rights import Grant
    from prompt2pic.log.kafka_wishes import Difference

_DIFFERS = {
    "missing": "topic-missing",
    "partitions": "topic-partitions",
    "replication": "topic-replication",
    "setting": "topic-setting",
    "record": "topic-record",
}
_MENDED = {
    "missing": "topic-missing-mended",
    "partitions": "topic-partitions-mended",
    "replication": "topic-replication-mended",
    "setting": "topic-setting-mended",
    "record": "topic-record-mended",
}


class Account(NamedTuple):
    """What came of it: `lacking` are the rights that were not there, `granted` whether they are now."""

    outcome: Outcome
    lacking: "list[Grant]"
    granted: bool
    servers: str
    prefix: str

    @property
    def fine(self) -> bool:
        """Whether all is as it should be."""
        return not self.outcome.after.differences and (self.granted or not self.lacking)


def as_lines(account: Account, texts: Texts) -> Iterator[str]:
    """Yield a line for each topic, and for what was mended or still differs, and how to change that."""
    after = account.outcome.after
    if after.replication < ENOUGH:
        yield "· " + texts.say("topics-few-copies", replication=after.replication)
    differing = {one.topic for one in after.differences}
    for name, found in sorted(after.found.items()):
        if account.prefix + name not in differing:
            yield "✓ " + texts.say(
                "topic-fine",
                topic=account.prefix + name,
                partitions=found.partitions,
                replication=found.replication,
            )
    for one in account.outcome.mended:
        yield "✓ " + difference(one, texts, _MENDED)
    for one in after.differences:
        yield "✗ " + difference(one, texts)
    for command in commands(account):
        yield "  " + texts.say("topic-how", command=command)
    yield from _rights(account, texts)


def _rights(account: Account, texts: Texts) -> Iterator[str]:
    """Yield a line for each principal and what it may do with what."""
    key, mark = ("acl-granted", "✓") if account.granted else ("acl-lacking", "✗")
    for (who, kind, operation), ones in groupby(sorted(account.lacking, key=_sort), _sort):
        names = ", ".join(one.right.name + "*" * one.right.begins for one in ones)
        yield f"{mark} " + texts.say(key, who=who, kind=kind, operation=operation, names=names)


def _sort(grant: "Grant") -> tuple[str, str, str]:
    return grant.principal, grant.right.kind, grant.right.operation


def difference(one: "Difference", texts: Texts, keys: dict[str, str] = _DIFFERS) -> str:
    """Return the sentence for a difference."""
    facts = {"topic": one.topic, "name": one.name, "found": one.found, "wanted": one.wanted}
    return texts.say(keys[one.kind], **facts)


def commands(account: Account) -> Iterator[str]:
    """Yield the commands of Kafka that change the settings that differ."""
    settings = [one for one in account.outcome.after.differences if one.kind == "setting"]
    for topic, ones in groupby(settings, lambda one: one.topic):
        changes = ",".join(f"{one.name}={one.wanted}" for one in ones)
        yield (
            f"kafka-configs.sh --bootstrap-server {account.servers} --alter --entity-type topics"
            f" --entity-name {topic} --add-config {changes}"
        )


def as_json(account: Account) -> str:
    """Return the same for programs."""
    after = account.outcome.after
    told = {
        "fine": account.fine,
        "replication": after.replication,
        "spread": after.spread,
        "topics": {
            account.prefix + name: {"partitions": found.partitions, "replication": found.replication}
            for name, found in sorted(after.found.items())
        },
        "mended": [_told(one) for one in account.outcome.mended],
        "differences": [_told(one) for one in after.differences],
        "rights": [
            {"principal": who, **right._asdict(), "granted": account.granted}
            for who, right in account.lacking
        ],
    }
    return msgspec.json.format(msgspec.json.encode(told)).decode()


def _told(one: "Difference") -> dict[str, Any]:
    return one._asdict()
