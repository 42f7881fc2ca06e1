"""The topics of a log in Kafka: how they are made, and what is known of them."""

import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

from prompt2pic.core.errors import LogUnavailable
from prompt2pic.log.kafka_cluster import GIVE_UP, NEWS_TAKES, STEP, Cluster
from prompt2pic.log.kafka_errors import MISSING, code_of
from prompt2pic.log.kafka_wishes import wishes
from prompt2pic.log.topics import TopicConfig

_FRESH = 5.0  # seconds for which the number of partitions is not asked for again
_SHORT = 2.0  # seconds that an answer is waited for where an older one does as well


class Topic(NamedTuple):
    """What the cluster says of a topic: one that is made anew has another id."""

    id: str
    partitions: int


def create_topics(
    admin: AdminClient, prefix: str, topics: Mapping[str, TopicConfig], replication: int
) -> None:
    """Make topics that are not there yet, each partition on `replication` brokers. Raises KafkaException."""
    new = [
        NewTopic(prefix + name, topic.partitions, replication, config=_settings(topic, replication))
        for name, topic in topics.items()
    ]
    for future in admin.create_topics(new, request_timeout=3 * GIVE_UP).values():
        try:
            future.result()
        except KafkaException as error:
            if code_of(error) != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _settings(topic: TopicConfig, replication: int) -> dict[str, str]:
    return {name: wish.value for name, wish in wishes(topic, replication).items()}


def ask_topics(admin: AdminClient, names: Collection[str], timeout: float) -> dict[str, "Future[Any]"]:
    """Ask for topics by their names in the cluster and return at once."""
    return admin.describe_topics(TopicCollection(list(names)), request_timeout=timeout)


def topic_of(cluster: Cluster, future: "Future[Any]") -> Topic | None:
    """Return what was answered, None where there is no such topic. Raises KafkaException."""
    try:
        told = cluster.wait(future)
    except KafkaException as error:
        if code_of(error) in MISSING:
            return None
        raise
    return Topic(str(told.topic_id), len(told.partitions))


class Catalogue:
    """The topics of one log and what is known of them; safe to use from several threads."""

    def __init__(self, cluster: Cluster, topics: Collection[str]) -> None:
        self._cluster = cluster
        self._names = {topic: cluster.prefix + topic for topic in topics}
        self._lock = threading.Lock()
        self._known: dict[str, Topic] = {}
        self._asked = -_FRESH

    def refresh(self, timeout: float = GIVE_UP) -> dict[str, Topic]:
        """Ask anew and return all topics. Raises LogUnavailable, also where one is missing."""
        begun = time.monotonic()
        while True:
            found = self._ask(timeout)
            topics = {name: topic for name, topic in found.items() if topic is not None}
            missing = sorted(found.keys() - topics.keys())
            if not missing:
                self.learn(topics)
                return topics
            if time.monotonic() - begun > NEWS_TAKES:
                raise self._cluster.topics_missing(missing)
            time.sleep(STEP)

    def _ask(self, timeout: float) -> dict[str, Topic | None]:
        futures = ask_topics(self._cluster.admin, self._names.values(), timeout)
        try:
            return {topic: topic_of(self._cluster, futures[name]) for topic, name in self._names.items()}
        except KafkaException as error:
            raise self._cluster.unavailable(error) from error

    def learn(self, topics: Mapping[str, Topic]) -> None:
        """Take over what somebody else was told just now."""
        with self._lock:
            self._known |= topics
            self._asked = time.monotonic()

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, some seconds late at most while the cluster answers."""
        with self._lock:
            due = time.monotonic() - self._asked > _FRESH
            if due:
                self._asked = time.monotonic()  # so that one thread asks, and others need not wait for it
        if due:
            try:
                self.refresh(_SHORT)
            except LogUnavailable:  # partitions are never taken away: the older answer holds
                if topic not in self._known:
                    raise
        return self._known[topic].partitions
