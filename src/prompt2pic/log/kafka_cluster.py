"""A Kafka cluster as the settings name it: its clients, and the sentences for their errors."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from prompt2pic.core.errors import LogUnavailable, Problem
from prompt2pic.log.kafka_errors import LOGIN, MEANING, SILENCE, said_by

SCHEME = "kafka://"
GIVE_UP = 10.0  # seconds after which an append, or a question, counts as failed
LARGEST_MESSAGE = 1_048_576  # bytes, as a broker takes them; LARGEST_RECORD fits in with its envelope
STEP = 0.1  # seconds
NEWS_TAKES = 2.0  # seconds until every broker has heard of a new topic
_RECENT = 60.0  # seconds for which a client's complaint may explain a silence

_NOTHING: Mapping[str, Any] = {}

# What the queue rests on; the settings can not change it.
_PRODUCER: dict[str, Any] = {"acks": "all", "enable.idempotence": True}
_CONSUMER: dict[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "check.crcs": True,
}
_FIXED = {
    "bootstrap.servers",
    "group.id",
    "transactional.id",
    "request.required.acks",
    *_PRODUCER,
    *_CONSUMER,
}

# What the settings may change.
_EVERYWHERE: dict[str, Any] = {
    "client.id": "prompt2pic",
    "reconnect.backoff.max.ms": 2000,
    "socket.keepalive.enable": True,
}
# A question for a broker that is away would otherwise have librdkafka try to connect without any pause, and keep a
# core busy: with connections of its own to every broker it heeds reconnect.backoff.ms.
_ASKING: dict[str, Any] = {"enable.sparse.connections": False}
_WRITING: dict[str, Any] = {
    "linger.ms": 0,
    "message.timeout.ms": int(GIVE_UP * 1000),
    "message.max.bytes": LARGEST_MESSAGE,
    "request.timeout.ms": 5000,
}
_READING: dict[str, Any] = {
    "allow.auto.create.topics": False,
    "fetch.error.backoff.ms": 100,
    "fetch.queue.backoff.ms": 20,
    "queued.max.messages.kbytes": 16384,
}

_LOOK_EVERY = 0.25  # seconds

Answer = TypeVar("Answer")
Client = TypeVar("Client", Producer, Consumer, AdminClient)


class _Useful(logging.Filter):
    """Drops the lines that say of each client which of the shared settings it has no use for."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "CONFWARN" not in record.getMessage()


def _logger() -> logging.Logger:
    logger = logging.getLogger("librdkafka")
    if not logger.filters:
        logger.addFilter(_Useful())
    return logger


class Cluster:
    """Makes clients of the cluster at `address`, `kafka://host:port,host:port`, and tells their errors.

    `properties` are librdkafka's; topics and groups begin with `prefix`. Raises Problem where a property is
    wrong, or not the settings' to change.
    """

    def __init__(self, address: str, prefix: str, properties: Mapping[str, str]) -> None:
        self.address = address
        self.prefix = prefix
        self._complaint: tuple[float, KafkaError] | None = None
        taken = sorted(_FIXED & properties.keys())
        if taken:
            raise Problem("log-kafka-setting-fixed", name=_variable(taken[0]))
        self._properties: dict[str, Any] = {
            "bootstrap.servers": address.removeprefix(SCHEME),
            **_EVERYWHERE,
            **properties,
        }
        self.admin = self._made(AdminClient, {**_ASKING, **self._properties})  # for questions

    def producer(self) -> Producer:
        """Return a new producer. Raises Problem where a setting is wrong."""
        return self._made(Producer, {**_WRITING, **self._properties, **_PRODUCER})

    def consumer(self, group: str, beside: Mapping[str, Any] = _NOTHING) -> Consumer:
        """Return a new consumer, which a group's name belongs to; it has the settings `beside`, too.

        Raises Problem where a setting is wrong.
        """
        named = {"group.id": self.prefix + group}
        return self._made(Consumer, {**_READING, **self._properties, **_CONSUMER, **beside, **named})

    def wait(self, future: "Future[Answer]") -> Answer:
        """Return what `admin` is answered.

        Raises KafkaException: early where the client may not log in, as it would only try again and again.
        """
        begun = time.monotonic()
        while True:
            try:
                return future.result(_LOOK_EVERY)
            except TimeoutError:
                self.listen()
                if self._complaint and self._complaint[0] > begun and self._complaint[1].code() in LOGIN:
                    raise KafkaException(self._complaint[1]) from None
            except KafkaException:
                self.listen()
                raise

    def listen(self) -> None:
        """Hear what `admin` complains of, and write its log."""
        self.admin.poll(0)

    def _made(self, kind: type[Client], properties: Mapping[str, Any]) -> Client:
        try:
            told: dict[str, Any] = {"error_cb": self._complain, **properties}
            return kind(told, logger=_logger())
        except (KafkaException, TypeError, ValueError) as error:
            said = error.args[0]
            reason = said.str() if isinstance(said, KafkaError) else str(said)
            raise Problem("log-kafka-setting-wrong", reason=reason) from error

    def _complain(self, error: KafkaError) -> None:
        """Remember what a client complained of: it may be why another one hears nothing."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # says less than what came before it
            self._complaint = (time.monotonic(), error)

    def unavailable(self, error: KafkaException | KafkaError, topic: str = "") -> LogUnavailable:
        """Return the sentence for an error that leaves nothing written."""
        said = said_by(error)
        if said.code() in SILENCE and self._complaint and time.monotonic() - self._complaint[0] < _RECENT:
            said = self._complaint[1] if self._complaint[1].code() in MEANING else said
        key = MEANING.get(said.code(), "log-failed")
        if key == "log-topics-missing":
            return self.topics_missing([topic or "?"])
        return LogUnavailable(key, path=self.address, reason=said.str())

    def topics_missing(self, topics: list[str]) -> LogUnavailable:
        """Return the sentence for topics that the cluster lacks."""
        names = ", ".join(self.prefix + topic for topic in topics)
        return LogUnavailable("log-topics-missing", path=self.address, topics=names)


def _variable(name: str) -> str:
    return "PROMPT2PIC_KAFKA_" + name.upper().replace(".", "_")
