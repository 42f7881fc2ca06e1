"""What the errors of Kafka's client mean."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException

# What is told for a moment while a partition, or the keeper of a group's offsets, moves to another broker.
MOVING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError._NOENT,  # what librdkafka says of a partition while it knows of no leader
    KafkaError._TRANSPORT,
}
LOGIN = {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
}
_RIGHTS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
}
SILENCE = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError.REQUEST_TIMED_OUT,
}
# Also told, for a moment, by a broker that has not heard of a new topic yet.
MISSING = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
MEANING = {
    **dict.fromkeys(LOGIN, "log-kafka-login"),
    **dict.fromkeys(_RIGHTS, "log-kafka-rights"),
    **dict.fromkeys(SILENCE, "log-kafka-away"),
    **dict.fromkeys(MISSING, "log-topics-missing"),
}


def code_of(error: KafkaException | KafkaError) -> int:
    """Return an error's number, one of the names in KafkaError."""
    return said_by(error).code()


def offset_of(answer: Any) -> int:
    """Return the offset that was asked for.

    Raises KafkaException where there is none: librdkafka says so without an error while a leader is lost.
    """
    if answer.offset < 0:
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
    return int(answer.offset)


def said_by(error: KafkaException | KafkaError) -> KafkaError:
    """Return the error itself."""
    said: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    return said
