"""How records get into Kafka, one append at a time from any number of threads."""

import threading
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Message

from prompt2pic.core.errors import AppendUnknown, LogUnavailable, Problem, RecordTooLarge
from prompt2pic.core.ports import Place
from prompt2pic.log.kafka_cluster import GIVE_UP, Cluster
from prompt2pic.log.kafka_errors import code_of

LARGEST_RECORD = 1_000_000  # bytes of key and value together
_PATIENCE = 2 * GIVE_UP  # seconds; librdkafka reports long before that
_ANSWER = 2.0  # seconds that an answer about partitions may take
_POLL = 0.2  # seconds in which a closed producer's thread ends
_LAST_WORDS = 2.0  # seconds that records on their way have when the log is closed

# After these a record was certainly not written, whatever had been tried before: every try fails alike.
# Nothing else is certain: librdkafka may have sent the record once, lost the connection, and tell of the last
# try only. Its `rd_kafka_message_status`, which knows, is not to be had in Python.
_NOT_WRITTEN = {
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.INVALID_RECORD,
    KafkaError.POLICY_VIOLATION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
}
_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}


class _Receipt:
    """What becomes of one record."""

    def __init__(self) -> None:
        self.error: KafkaError | None = None
        self.offset = -1
        self._told = threading.Event()

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Take the delivery report."""
        offset = message.offset()
        self.error = error
        self.offset = -1 if offset is None else offset
        self._told.set()

    def arrives(self) -> bool:
        """Wait for the report and say whether it came."""
        return self._told.wait(_PATIENCE)


class _Line:
    """One producer with the thread that serves it; `fatal` is the error that ended its use, None before one."""

    def __init__(self, cluster: Cluster) -> None:
        self.fatal: KafkaError | None = None
        self._ending = threading.Event()
        self._producer = cluster.producer()
        self._thread = threading.Thread(target=self._serve, name="kafka-producer", daemon=True)
        self._thread.start()

    def send(self, topic: str, place: Place, key: str, value: bytes, receipt: _Receipt) -> None:
        """Hand a record over. Raises KafkaException, BufferError: then it was not."""
        try:
            self._producer.produce(topic, value, key.encode(), place.partition, on_delivery=receipt)
        except KafkaException as error:
            self._note(error)
            raise

    def learns(self, error: KafkaException, topic: str) -> bool:
        """Ask for a topic's partitions where one was not known: of itself the producer does so every five minutes."""
        if code_of(error) != KafkaError._UNKNOWN_PARTITION:
            return False
        with suppress(KafkaException):
            self._producer.list_topics(topic, _ANSWER)
        return True

    def end(self, patience: float) -> None:
        """Stop; what is still on its way after `patience` seconds is reported as unknown."""
        with suppress(KafkaException):
            self._producer.flush(patience)
            self._producer.purge()
        self._ending.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ending.is_set():
            self._poll(_POLL)
        self._poll(0)

    def _poll(self, timeout: float) -> None:
        try:
            self._producer.poll(timeout)
        except (
            KafkaException
        ) as error:  # a fatal error is told so, once; the reports of its records come after it
            self._note(error)

    def _note(self, error: KafkaException) -> None:
        said = error.args[0]
        if self.fatal is None and (said.fatal() or said.code() == KafkaError._FATAL):
            self.fatal = said


class Appender:
    """Appends through one producer, and through a new one where that can not go on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._line: _Line | None = _Line(cluster)

    def append(self, place: Place, key: str, value: bytes) -> int:
        """Append one record and return its offset once it is durable.

        Raises RecordTooLarge, LogUnavailable (nothing was written) or AppendUnknown (read back).
        """
        size = len(key.encode()) + len(value)
        if size > LARGEST_RECORD:
            raise RecordTooLarge("record-too-large", size=size, limit=LARGEST_RECORD)
        receipt = _Receipt()
        line = self._send(place, key, value, receipt)
        if not receipt.arrives():
            raise self._unknown("no report")
        if receipt.error is not None:
            raise self._failed(_cause(receipt.error, line.fatal), place, size)
        if receipt.offset < 0:  # acknowledged as a repetition of a try that was believed lost
            raise self._unknown("acknowledged without its offset")
        return receipt.offset

    def close(self) -> None:
        """Stop; a record still on its way is reported as unknown to who waits for it."""
        with self._lock:
            line, self._line = self._line, None
        if line:
            line.end(_LAST_WORDS)

    def _send(self, place: Place, key: str, value: bytes, receipt: _Receipt, tries: int = 2) -> _Line:
        line = self._usable()
        try:
            line.send(self._cluster.prefix + place.topic, place, key, value, receipt)
        except KafkaException as error:
            # A fatal error is an earlier record's: a new producer takes this one.
            if tries > 1 and (line.fatal or line.learns(error, self._cluster.prefix + place.topic)):
                return self._send(place, key, value, receipt, tries - 1)
            raise self._failed(error.args[0], place, len(value), sent=False) from error
        except BufferError as error:
            reason = "too many records wait to be sent"
            raise LogUnavailable("log-failed", path=self._cluster.address, reason=reason) from error
        return line

    def _usable(self) -> _Line:
        with self._lock:
            if self._line is None:
                raise LogUnavailable("log-closed", path=self._cluster.address)
            if self._line.fatal:
                old, self._line = self._line, _Line(self._cluster)
                threading.Thread(target=old.end, args=(0,), name="kafka-producer-end", daemon=True).start()
            return self._line

    def _failed(self, error: KafkaError, place: Place, size: int, *, sent: bool = True) -> Problem:
        if error.code() in _TOO_LARGE:
            return RecordTooLarge("record-too-large", size=size, limit=LARGEST_RECORD)
        if sent and error.code() not in _NOT_WRITTEN:
            return self._unknown(error.str())
        return self._cluster.unavailable(error, place.topic)

    def _unknown(self, reason: str) -> AppendUnknown:
        return AppendUnknown("append-unknown", path=self._cluster.address, reason=reason)


def _cause(error: KafkaError, fatal: KafkaError | None) -> KafkaError:
    """Return the producer's fatal error where it is why a record was thrown away."""
    return fatal if fatal is not None and error.code() == KafkaError._PURGE_QUEUE else error
