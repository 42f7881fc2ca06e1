"""What the queue asks of its topics in Kafka, and where a topic differs."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from prompt2pic.log.kafka_cluster import LARGEST_MESSAGE
from prompt2pic.log.topics import TopicConfig

_MINUTE, _HOUR = 60_000, 3_600_000  # ms
_DAY = 24 * _HOUR
_FOR_EVER = "-1"  # as Kafka writes it


class Wish(NamedTuple):
    """A setting's value; what lies between `least` and `most` does as well."""

    value: str
    least: float | None = None
    most: float | None = None

    def granted(self, found: str) -> bool:
        """Whether a value that was found will do."""
        if found == self.value or (self.least is None and self.most is None):
            return found == self.value
        number = float("inf") if found == _FOR_EVER else _number(found)
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)


class Found(NamedTuple):
    """A topic as it is: `replication` is the smallest of its partitions', `settings` are the effective ones."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


class Difference(NamedTuple):
    """What is not as it should be: `name` is that of a setting, `found` and `wanted` its values."""

    topic: str
    kind: Literal["missing", "partitions", "replication", "setting", "record"]
    name: str = ""
    found: str = ""
    wanted: str = ""


def wishes(topic: TopicConfig, replication: int) -> dict[str, Wish]:
    """Return what a topic's settings should be, each partition on `replication` brokers.

    Stamps are the broker's, and no single broker of several acknowledges, or leads, alone.
    """
    safe = max(1, replication - 1)
    return {
        "message.timestamp.type": Wish("LogAppendTime"),
        "min.insync.replicas": Wish(str(safe), min(2, safe), safe),
        "unclean.leader.election.enable": Wish("false"),
        "max.message.bytes": Wish(str(LARGEST_MESSAGE), least=LARGEST_MESSAGE),
        **(_compacted(topic.kept) if topic.compacted else _kept(topic.kept)),
    }


def _compacted(kept: int | None) -> dict[str, Wish]:
    """Clean early and often: every process that starts reads the whole topic, and heartbeats come each 10 s.

    Where it is kept for a time only, a key that nobody writes any more goes after it.
    """
    ageing = {} if kept is None else {"retention.ms": Wish(str(kept), kept / 7, kept)}
    return {
        "cleanup.policy": Wish("compact" if kept is None else "compact,delete"),
        **ageing,
        "segment.ms": Wish(str(10 * _MINUTE), most=_HOUR),  # the newest segment is never cleaned
        "min.cleanable.dirty.ratio": Wish("0.1", most=0.5),
        "max.compaction.lag.ms": Wish(str(_HOUR), most=_DAY),
    }


def _kept(kept: int | None) -> dict[str, Wish]:
    """Keep for a time, whatever the size; a shorter time, down to the half, is the owner's to choose.

    The half is far beyond a request's maximum age, and that of `results` beyond the whole of `requests`.
    Segments are short, as a record goes with the last one of its segment.
    """
    always = {"cleanup.policy": Wish("delete"), "retention.bytes": Wish(_FOR_EVER)}
    if kept is None:
        return always | {"retention.ms": Wish(_FOR_EVER)}
    return always | {
        "retention.ms": Wish(str(kept), kept / 2, kept),
        "segment.ms": Wish(str(12 * _HOUR), most=12 * _HOUR),
    }


def differences(name: str, topic: TopicConfig, found: Found | None, replication: int) -> Iterator[Difference]:
    """Yield where a topic is not as `topic` and `replication` say."""
    if found is None:
        yield Difference(name, "missing")
        return
    if found.partitions < topic.partitions:
        yield Difference(name, "partitions", "", str(found.partitions), str(topic.partitions))
    if found.replication < replication:
        yield Difference(name, "replication", "", str(found.replication), str(replication))
    for setting, wish in wishes(topic, found.replication).items():
        value = found.settings.get(setting, wish.value)  # an old broker does not know it
        if not wish.granted(value):
            yield Difference(name, "setting", setting, value, wish.value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # is neither more nor less than anything
