"""Who of several processes tells people: an ordinary consumer group divides the partitions, and reads nothing."""

import threading
from collections.abc import Callable, Mapping

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from prompt2pic.core.queue import RESULTS
from prompt2pic.log.kafka_cluster import Cluster
from prompt2pic.log.kafka_rights import BOT_GROUP

_POLL = 0.2  # seconds
_SESSION = 10_000  # ms after which the part of a process that is dead goes to others

_log = structlog.get_logger(__name__)


class GroupShare:
    """The partitions of `results` that the group gives this process; positions are nobody's concern.

    Cooperative (KIP-429): a partition is taken from one process before another one gets it.
    """

    def __init__(self, address: str, prefix: str, properties: Mapping[str, str]) -> None:
        cluster = Cluster(address, prefix, properties)
        self._topic = prefix + RESULTS
        self._consumer: Consumer = cluster.consumer(
            BOT_GROUP,
            {
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": _SESSION,
                "heartbeat.interval.ms": _SESSION // 4,
                "auto.offset.reset": "latest",
            },
        )
        self._mine: frozenset[int] = frozenset()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to take part; `changed` is called, in any thread, whenever the part is another one."""
        self._changed = changed
        self._thread = threading.Thread(target=self._take_part, daemon=True, name="share")
        self._thread.start()

    def mine(self, partition: int) -> bool:
        """Whether the work of a partition is this process's now."""
        return partition in self._mine

    def close(self) -> None:
        """Leave the work to others."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()

    def _take_part(self) -> None:
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        while not self._closing.is_set():
            try:
                self._consumer.poll(_POLL)
            except KafkaException as error:
                _log.warning("share-unavailable", why=str(error))
                self._closing.wait(_POLL)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        consumer.pause(partitions)
        self._take(self._mine.union(each.partition for each in partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._take(self._mine.difference(each.partition for each in partitions))
        consumer.incremental_unassign(partitions)

    def _take(self, partitions: frozenset[int]) -> None:
        self._mine = partitions
        self._changed()
