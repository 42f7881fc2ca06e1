"""What the log holds, straight from SQLite's file or Kafka's topics; nothing of the product reads it here."""

import logging
import sqlite3
import time
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from prompt2pic.core.ports import Place, Record

REQUESTS, RESULTS = "requests", "results"
_PATIENCE = 60.0  # seconds; leaders may be moving
_BATCH = 1000  # records
_SILENT = logging.getLogger("tests.chaos.tape")  # what librdkafka tells of brokers that come and go
_SILENT.setLevel(logging.CRITICAL)


class Tape(Protocol):
    """Whatever requests and results held since the tape began."""

    def read(self) -> list[Record]:
        """Return all records up to now."""


class SqliteTape:
    """The records of an embedded log's file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Record]:
        """Return all records up to now."""
        with sqlite3.connect(self._path) as connection:
            rows = connection.execute(
                "SELECT topic, partition, position - (place << 40), key, value, records.timestamp FROM records"
                " JOIN places ON position >= place << 40 AND position < (place + 1) << 40"
                " WHERE topic IN (?, ?) ORDER BY position",
                (REQUESTS, RESULTS),
            ).fetchall()
        connection.close()
        return [
            Record(Place(topic, partition), offset, key, value, when)
            for topic, partition, offset, key, value, when in rows
        ]


class KafkaTape:
    """The records of topics whose names begin with `prefix`; those that are deleted later stay on the tape.

    Where a broker's clock is known to be so many ms `ahead`, its stamps are put right.
    """

    ahead = 0

    def __init__(self, servers: str, prefix: str) -> None:
        self._prefix = prefix
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": f"{prefix}tape",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            },
            logger=_SILENT,
        )
        self._records: list[Record] = []
        self._next = {
            (prefix + topic, partition): 0
            for topic in (REQUESTS, RESULTS)
            for partition in self._consumer.list_topics(prefix + topic, 10).topics[prefix + topic].partitions
        }
        self._consumer.assign([TopicPartition(*place, 0) for place in self._next])

    def read(self) -> list[Record]:
        """Return all records up to now."""
        until = time.monotonic() + _PATIENCE
        ends = {place: self._end(place, until) for place in self._next}
        while any(self._next[place] < end for place, end in ends.items()):
            assert time.monotonic() < until, f"the log can not be read: {self._next} of {ends}"
            for message in self._consumer.consume(_BATCH, 0.2):
                if message.error() is None:
                    place = (message.topic(), message.partition())
                    self._next[place] = message.offset() + 1
                    self._records.append(
                        Record(
                            Place(place[0].removeprefix(self._prefix), place[1]),
                            message.offset(),
                            (message.key() or b"").decode(),
                            message.value() or b"",
                            self._put_right(message.timestamp()[1]),
                        )
                    )
        return list(self._records)

    def _put_right(self, stamp: int) -> int:
        """Return when a record was appended (ms): one that is yet to come was stamped by the wrong clock."""
        return stamp - self.ahead if stamp > 1000 * time.time() + self.ahead / 2 else stamp

    def close(self) -> None:
        """Release connections."""
        self._consumer.close()

    def _end(self, place: tuple[str, int], until: float) -> int:
        while True:
            try:
                return int(self._consumer.get_watermark_offsets(TopicPartition(*place), 5)[1])
            except KafkaException:
                assert time.monotonic() < until, "the log does not say where it ends"
