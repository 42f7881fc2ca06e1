"""The thread that fetches from Kafka for one follower."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from prompt2pic.core.errors import LogUnavailable, Problem
from prompt2pic.core.ports import Place, Record
from prompt2pic.log.kafka_buffer import Buffer, Move
from prompt2pic.log.kafka_cluster import Cluster
from prompt2pic.log.kafka_probe import Probe, went_back

_POLL = 0.2  # seconds in which a thread that is to stop stops
_BATCH = 1000  # records
_AWAY_AFTER = 6.0  # seconds without an answer; a broker that restarts, or a new leader, takes less
_AGAIN = 2.0  # seconds after an error before a new consumer tries
_CALM = 5.0  # seconds without an error after which it counts as overcome

_OUT_OF_RANGE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}
# Of the group that a consumer must name, though it never joins or commits.
_OF_NO_USE = {KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._PARTITION_EOF}
_log = structlog.get_logger(__name__)


class Tail:
    """Fetches from given positions on into a buffer, until it is stopped.

    `bounds` returns the first and the next offset of a place.
    """

    def __init__(
        self,
        cluster: Cluster,
        bounds: Callable[[Place], tuple[int, int]],
        probe: Probe,
        positions: Mapping[Place, int],
        buffer: Buffer,
    ) -> None:
        self._cluster = cluster
        self._bounds = bounds
        self._probe = probe
        self._next = dict(positions)
        self._places = {(cluster.prefix + place.topic, place.partition): place for place in positions}
        self._buffer = buffer
        self._consumer: Consumer | None = self._new_consumer()
        self._heard = time.monotonic()
        self._failed = self._heard - _CALM
        self._assign()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop fetching."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._round()
            except KafkaException as error:
                self._trouble(self._cluster.unavailable(error))
            except Problem as problem:
                self._trouble(problem)
            except Exception as error:  # a thread that dies unheard would look like a silent log
                _log.error("unexpected", exc_info=error)
                self._trouble(LogUnavailable("log-failed", path=self._cluster.address, reason=repr(error)))
        self._probe.close()
        self._let_go()

    def _round(self) -> None:
        if self._consumer is None:
            self._renew()
        else:
            self._fetch(self._consumer)
        while not self._buffer.has_room(_POLL) and not self._ending.is_set():
            self._examine()
        self._examine()

    def _fetch(self, consumer: Consumer) -> None:
        first = consumer.poll(_POLL)
        if first is None:
            return
        messages = [first, *consumer.consume(_BATCH, 0)]
        records = [self._record(message) for message in messages if message.error() is None]
        self._next.update({record.place: record.offset + 1 for record in records})
        if records:
            self._buffer.put(records)
        for message in messages:
            if (error := message.error()) is not None:
                self._heed(message, error)

    def _record(self, message: Message) -> Record:
        key, value = message.key() or b"", message.value() or b""
        offset, timestamp = message.offset(), message.timestamp()[1]
        return Record(self._place(message), offset or 0, key.decode("utf-8", "replace"), value, timestamp)

    def _place(self, message: Message) -> Place:
        return self._places[message.topic() or "", message.partition() or 0]

    def _heed(self, message: Message, error: KafkaError) -> None:
        if error.code() in _OUT_OF_RANGE:
            self._look_around(self._place(message), error)
        elif error.code() not in _OF_NO_USE:
            self._trouble(
                self._cluster.unavailable(error, (message.topic() or "").removeprefix(self._cluster.prefix))
            )

    def _look_around(self, place: Place, error: KafkaError) -> None:
        """Go on at the earliest record where retention took what was to be read; else records were lost."""
        earliest, end = self._bounds(place)
        if earliest <= self._next[place]:
            position = self._next[place]
            _log.warning("log-went-back", place=place, position=position, end=end, why=error.str())
            self._buffer.lose(went_back(self._cluster, place))
            return
        self._next[place] = earliest
        self._buffer.put([Move(place, earliest)])
        self._assign()

    def _assign(self) -> None:
        if self._consumer is not None:
            self._consumer.assign(
                [TopicPartition(*name, self._next[place]) for name, place in self._places.items()]
            )

    def _examine(self) -> None:
        verdict = self._probe.step(self._next)
        now = time.monotonic()
        if verdict is None:
            return
        if verdict.lost:
            _log.warning("log-lost", why=str(verdict.lost))
            self._buffer.lose(verdict.lost)
        if verdict.away is None:
            self._heard = now
            if now - self._failed >= _CALM:
                self._buffer.away(None)
        elif now - self._heard >= _AWAY_AFTER:
            self._buffer.away(verdict.away)

    def _trouble(self, problem: Problem) -> None:
        """Tell of an error and go on with a new consumer a little later."""
        told = (
            problem
            if isinstance(problem, LogUnavailable)
            else LogUnavailable(problem.key, **problem.args_by_name)
        )
        self._failed = time.monotonic()
        self._buffer.away(told)
        self._let_go()

    def _renew(self) -> None:
        if time.monotonic() - self._failed < _AGAIN:
            self._ending.wait(_POLL)
            return
        self._consumer = self._new_consumer()
        self._assign()

    def _new_consumer(self) -> Consumer:
        return self._cluster.consumer(f"follower-{secrets.token_hex(8)}")  # a name is needed, and never used

    def _let_go(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()
