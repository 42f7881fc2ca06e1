"""Whether the log still is what it was: its topics the same, its ends not before what was read of them."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from prompt2pic.core.errors import LogTruncated, LogUnavailable
from prompt2pic.core.ports import Place
from prompt2pic.log.kafka_cluster import Cluster
from prompt2pic.log.kafka_errors import offset_of
from prompt2pic.log.kafka_topics import Catalogue, Topic, ask_topics, topic_of

EVERY = 2.0  # seconds
_PATIENCE = 5.0  # seconds that an answer may take
_TWICE = 2  # a broker that lags behind the others may say once that a topic is another, or shorter


class Verdict(NamedTuple):
    """What a probe found: nothing, that the log is away, or that what was read of it is void."""

    away: LogUnavailable | None = None
    lost: LogTruncated | None = None


class Probe:
    """Asks every two seconds for topics and ends, without waiting for the answers.

    A consumer alone would not tell a silent log from one that is away, nor a topic from its successor.
    """

    def __init__(self, cluster: Cluster, catalogue: Catalogue, topics: Mapping[str, Topic]) -> None:
        self._cluster = cluster
        self._catalogue = catalogue
        self._topics = topics
        self._due = time.monotonic() + EVERY
        self._asked: dict[str, Future[Any]] = {}
        self._ends: dict[TopicPartition, Future[Any]] = {}
        self._positions: dict[Place, int] = {}
        self._suspicions = 0

    def step(self, positions: Mapping[Place, int]) -> Verdict | None:
        """Go on, given how far was read; return what was found where all answers have come."""
        if self._asked:
            futures = [*self._asked.values(), *self._ends.values()]
            return self._found() if all(future.done() for future in futures) else None
        if time.monotonic() >= self._due:
            self._ask(positions)
        return None

    def close(self) -> None:
        """Wait for the answers that are to come: librdkafka may not be thrown away before they have."""
        wait([*self._asked.values(), *self._ends.values()], _PATIENCE)

    def _ask(self, positions: Mapping[Place, int]) -> None:
        self._due = time.monotonic() + EVERY
        self._positions = dict(positions)
        prefix = self._cluster.prefix
        latest = {TopicPartition(prefix + topic, n): OffsetSpec.latest() for topic, n in positions}
        names = {prefix + topic for topic, _ in positions}
        self._ends = self._cluster.admin.list_offsets(latest, request_timeout=_PATIENCE)
        self._asked = ask_topics(self._cluster.admin, names, _PATIENCE)

    def _found(self) -> Verdict:
        asked, self._asked = self._asked, {}
        self._cluster.listen()
        try:
            lost = self._replaced(asked) or self._gone_back()
        except KafkaException as error:
            return Verdict(away=self._cluster.unavailable(error))
        except LogUnavailable as problem:
            return Verdict(away=problem)
        self._suspicions = self._suspicions + 1 if lost else 0
        return Verdict(lost=lost if self._suspicions >= _TWICE else None)

    def _replaced(self, asked: Mapping[str, "Future[Any]"]) -> LogTruncated | None:
        prefix = self._cluster.prefix
        found = {name.removeprefix(prefix): topic_of(self._cluster, future) for name, future in asked.items()}
        missing = sorted(name for name, topic in found.items() if topic is None)
        if missing:
            raise self._cluster.topics_missing(missing)
        known = {name: topic for name, topic in found.items() if topic is not None}
        self._catalogue.learn(known)
        for name, topic in known.items():
            if topic.id != self._topics[name].id:
                return replaced(self._cluster, name)
        return None

    def _gone_back(self) -> LogTruncated | None:
        prefix = self._cluster.prefix
        for partition, future in self._ends.items():
            place = Place(partition.topic.removeprefix(prefix), partition.partition)
            if offset_of(future.result()) < self._positions[place]:
                return went_back(self._cluster, place)
        return None


def replaced(cluster: Cluster, topic: str) -> LogTruncated:
    """Return the sentence for a topic that was made anew."""
    return LogTruncated("log-topic-replaced", path=cluster.address, topic=cluster.prefix + topic)


def went_back(cluster: Cluster, place: Place) -> LogTruncated:
    """Return the sentence for a place that ends before what was read of it."""
    return LogTruncated("log-went-back", path=cluster.address, topic=place.topic, partition=place.partition)
