"""The log in Apache Kafka: topics and partitions of a cluster, shared by the processes of many machines."""

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from prompt2pic.core.ports import Commit, Place
from prompt2pic.log.kafka_cluster import GIVE_UP, NEWS_TAKES, STEP, Cluster
from prompt2pic.log.kafka_errors import MISSING, MOVING, code_of, offset_of
from prompt2pic.log.kafka_follower import KafkaFollower
from prompt2pic.log.kafka_offsets import Offsets
from prompt2pic.log.kafka_probe import Probe
from prompt2pic.log.kafka_producer import LARGEST_RECORD, Appender
from prompt2pic.log.kafka_topics import Catalogue, create_topics

__all__ = ["LARGEST_RECORD", "KafkaFollower", "KafkaLog", "create_topics"]

Answer = TypeVar("Answer")

LONGEST_METADATA = 4096  # characters; a broker's offset.metadata.max.bytes counts them, too
_PATIENCE = {**dict.fromkeys(MOVING, GIVE_UP), **dict.fromkeys(MISSING, NEWS_TAKES)}  # seconds, by error


class KafkaLog:
    """A log in the cluster at `address`, `kafka://host:port,host:port`.

    Its topics, and the group that commits, begin with `prefix`; `properties` are librdkafka's. Raises Problem
    where those are wrong, LogUnavailable where the cluster does not answer or lacks a topic.
    """

    def __init__(
        self,
        address: str,
        topics: Collection[str],
        *,
        prefix: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._cluster = Cluster(address, prefix, properties or {})
        self._catalogue = Catalogue(self._cluster, topics)
        self._catalogue.refresh()
        self._offsets = Offsets(self._cluster)
        self._appender = Appender(self._cluster)

    def append(self, place: Place, key: str, value: bytes) -> int:
        """Append one record and return its offset once it is durable.

        Raises RecordTooLarge, LogUnavailable (nothing was written) or AppendUnknown (read back).
        """
        return self._appender.append(place, key, value)

    def identity(self) -> str:
        """Return the cluster's id with a digest of its topics' ids. Raises LogUnavailable."""
        topics = self._catalogue.refresh()
        ids = " ".join(f"{name}={topic.id}" for name, topic in sorted(topics.items()))
        try:  # `describe_cluster` would end the process where a broker has only just started
            cluster = self._cluster.admin.list_topics(timeout=GIVE_UP).cluster_id
        except KafkaException as error:
            self._cluster.listen()
            raise self._cluster.unavailable(error) from error
        return f"{cluster}/{hashlib.sha256(ids.encode()).hexdigest()[:16]}"

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; a change is seen some seconds later."""
        return self._catalogue.partitions(topic)

    def bounds(self, place: Place) -> tuple[int, int]:
        """Return the earliest offset that is still held and the offset the next record will get.

        Raises LogUnavailable.
        """
        partition = TopicPartition(self._cluster.prefix + place.topic, place.partition)

        def ask(spec: OffsetSpec) -> "Future[Any]":
            return self._cluster.admin.list_offsets({partition: spec}, request_timeout=GIVE_UP)[partition]

        specs = (OffsetSpec.earliest(), OffsetSpec.latest())
        earliest, end = (self._answer(partial(ask, spec), offset_of, place.topic) for spec in specs)
        return earliest, end

    def follow(self, positions: Mapping[Place, int]) -> KafkaFollower:
        """Follow the given places, each from its offset on. Raises LogUnavailable."""
        probe = Probe(self._cluster, self._catalogue, self._catalogue.refresh())
        return KafkaFollower(self._cluster, self.bounds, probe, positions)

    def commit(self, group: str, commits: Mapping[Place, Commit]) -> None:
        """Store positions with metadata under a group's name, durably. Raises LogUnavailable."""
        if any(len(commit.metadata) > LONGEST_METADATA for commit in commits.values()):
            raise ValueError(f"a commit's metadata has at most {LONGEST_METADATA} characters")
        self._offsets.commit(group, commits)

    def committed(self, group: str) -> dict[Place, Commit]:
        """Return what the group last committed; empty where nothing is held. Raises LogUnavailable."""
        topics = self._catalogue.refresh()
        places = [Place(name, n) for name, topic in topics.items() for n in range(topic.partitions)]
        return self._offsets.committed(group, places)

    def close(self) -> None:
        """Release connections; followers are closed by who uses them."""
        self._appender.close()

    def _answer(
        self, ask: Callable[[], "Future[Any]"], read: Callable[[Any], Answer], topic: str = ""
    ) -> Answer:
        """Return what `read` finds in the answer; the question is put again while what it is about moves."""
        begun = time.monotonic()
        while True:
            try:
                return read(self._cluster.wait(ask()))
            except KafkaException as error:
                if time.monotonic() - begun > _PATIENCE.get(code_of(error), 0):
                    raise self._cluster.unavailable(error, topic) from error
            time.sleep(STEP)
