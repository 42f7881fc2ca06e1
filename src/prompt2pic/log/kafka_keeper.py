"""Looks after a queue's topics in Kafka: what there is, and changing it."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourcePatternType,
    ResourceType,
)

from prompt2pic.core.errors import Problem
from prompt2pic.log.kafka_cluster import GIVE_UP, SCHEME, Cluster
from prompt2pic.log.kafka_errors import MISSING, code_of
from prompt2pic.log.kafka_rights import Grant, binding, grants
from prompt2pic.log.kafka_topics import create_topics
from prompt2pic.log.kafka_wishes import Found
from prompt2pic.log.topics import TopicConfig

_SHORT = 4.0  # seconds in which a cluster that is there has answered
_STEP = 1.0  # seconds that one try may take
_LONG = 3 * GIVE_UP  # seconds that a change may take
_NOT_SHOWN = {KafkaError.TOPIC_AUTHORIZATION_FAILED}


class Keeper:
    """Asks and changes the cluster at `address`; topics are named without `prefix`.

    Raises Problem where a property is wrong; every call raises LogUnavailable where the cluster does not
    answer or refuses.
    """

    def __init__(self, address: str, prefix: str, properties: Mapping[str, str]) -> None:
        self._cluster = Cluster(address, prefix, properties)
        self._admin = self._cluster.admin
        self.prefix = prefix
        self.servers = address.removeprefix(SCHEME)

    def brokers(self) -> int:
        """Return how many brokers there are."""
        return len(self._ids())

    def _ids(self) -> list[int]:
        deadline = time.monotonic() + _SHORT
        while True:
            try:
                # Of a broker that has only just started `describe_cluster` would end the process: librdkafka
                # expects an answer where its parser made none.
                if brokers := self._admin.list_topics(timeout=_STEP).brokers:
                    return list(brokers)
                error = KafkaException(KafkaError(KafkaError._TIMED_OUT))
            except KafkaException as said:
                error = said
            self._cluster.listen()
            problem = self._cluster.unavailable(error)
            if problem.key == "log-kafka-login" or time.monotonic() > deadline:
                raise problem from error

    def look(self, topics: Iterable[str]) -> dict[str, Found]:
        """Return these topics as they are, without those that are missing."""
        told = self._described(topics)
        resources = {name: ConfigResource(ResourceType.TOPIC, self.prefix + name) for name in told}
        if not resources:
            return {}
        asked = self._admin.describe_configs(list(resources.values()), request_timeout=GIVE_UP)
        settings = {name: self._ask(asked[resource]) for name, resource in resources.items()}
        return {name: _found(told[name], settings[name]) for name in told}

    def create(self, topics: Mapping[str, TopicConfig], replication: int) -> None:
        """Make topics that are not there yet."""
        try:
            create_topics(self._admin, self.prefix, topics, replication)
        except KafkaException as error:
            raise self._cluster.unavailable(error) from error

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        more = NewPartitions(self.prefix + topic, partitions)
        self._ask(self._admin.create_partitions([more], request_timeout=_LONG)[self.prefix + topic])

    def change(self, topic: str, settings: Mapping[str, str]) -> None:
        """Change a topic's settings."""
        resource = ConfigResource(ResourceType.TOPIC, self.prefix + topic)
        for name, value in settings.items():
            entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            resource.add_incremental_config(entry)
        self._ask(self._admin.incremental_alter_configs([resource], request_timeout=_LONG)[resource])

    def lacking(self, principals: Mapping[str, tuple[str, ...]]) -> list[Grant]:
        """Return which rights of each role's principals are not there. Raises Problem where none is checked."""
        there = set(self._ask(self._admin.describe_acls(_every_acl(), request_timeout=GIVE_UP)))
        if not there and self._heeds_nothing():
            raise Problem("acl-off", path=self._cluster.address)
        return [grant for grant in grants(self.prefix, principals) if binding(grant) not in there]

    def grant(self, granted: Iterable[Grant]) -> None:
        """Give rights. Raises Problem where the cluster checks none."""
        acls = [binding(grant) for grant in granted]
        for future in self._admin.create_acls(acls, request_timeout=_LONG).values():
            try:
                self._cluster.wait(future)
            except KafkaException as error:
                if code_of(error) == KafkaError.SECURITY_DISABLED:
                    raise Problem("acl-off", path=self._cluster.address) from error
                raise self._cluster.unavailable(error) from error

    def allowed(self, topics: Iterable[str]) -> dict[str, set[str]]:
        """Return what this program's user may do with each topic, in words of Kafka in small letters."""
        told = self._described(topics, MISSING | _NOT_SHOWN, include_authorized_operations=True)
        return {
            name: {operation.name.lower() for operation in topic.authorized_operations or ()}
            for name, topic in told.items()
        }

    def _described(
        self, topics: Iterable[str], without: set[int] = MISSING, **options: bool
    ) -> dict[str, Any]:
        names = {self.prefix + name: name for name in topics}
        asked = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=GIVE_UP, **options)
        told = {names[name]: self._told(future, without) for name, future in asked.items()}
        return {name: topic for name, topic in told.items() if topic is not None}

    def _told(self, future: "Future[Any]", without: set[int]) -> Any:
        try:
            return self._cluster.wait(future)
        except KafkaException as error:
            if code_of(error) in without:
                return None
            raise self._cluster.unavailable(error) from error

    def _heeds_nothing(self) -> bool:
        """Say whether the brokers check no rights: asked for those they then answer as if there were none."""
        resource = ConfigResource(ResourceType.BROKER, str(self._ids()[0]))
        settings = self._ask(self._admin.describe_configs([resource], request_timeout=GIVE_UP)[resource])
        authorizer = settings.get("authorizer.class.name")  # some hosts hide it
        return authorizer is not None and authorizer.value == ""

    def _ask(self, future: "Future[Any]") -> Any:
        try:
            return self._cluster.wait(future)
        except KafkaException as error:
            raise self._cluster.unavailable(error) from error


def _every_acl() -> AclBindingFilter:
    whatever: Any = None  # may be, though its types say otherwise
    kinds = (ResourceType.ANY, whatever, ResourcePatternType.ANY)
    return AclBindingFilter(*kinds, whatever, whatever, AclOperation.ANY, AclPermissionType.ANY)


def _found(told: Any, settings: Mapping[str, ConfigEntry]) -> Found:
    partitions = told.partitions
    replication = min(len(partition.replicas) for partition in partitions)
    return Found(len(partitions), replication, {name: entry.value or "" for name, entry in settings.items()})
