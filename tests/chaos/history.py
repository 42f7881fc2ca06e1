"""The history of all processes: what the ledger counted, what each worker believed, who was away when."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from prompt2pic.core.events import Claimed, JobEvent, decode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.ports import Record
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue


class Entry(NamedTuple):
    """A record of the ledger that counted: its partition and offset, when it was appended (ms), what it says."""

    partition: int
    offset: int
    when: int
    event: JobEvent


class Belief(NamedTuple):
    """A worker's own word that it held an attempt, from when to when (ms); `until` is None where it never said."""

    worker: str
    request: str
    attempt: str
    token: int
    since: float
    until: float | None


class Absence(NamedTuple):
    """A time (ms) in which a worker was paused, dead or cut off; all of them where it names none."""

    worker: str
    since: float
    until: float
    killed: bool = False


class History(NamedTuple):
    """All of it: the requests that were accepted, too, and when it was written down (ms)."""

    accepted: frozenset[str]
    entries: list[Entry]
    beliefs: list[Belief]
    absences: list[Absence]
    end: float


def counted(records: Iterable[Record]) -> list[Entry]:
    """Return the records of the ledger that the product's own fold counted, each partition's in its order."""
    held = sorted(records, key=lambda record: (record.place.topic, record.place.partition, record.offset))
    partitions = {record.place.partition for record in held}
    queue = Queue({partition: Frontier() for partition in partitions})
    entries: list[Entry] = []

    def hear(job: Job, event: JobEvent | None) -> None:
        if event is not None:
            entries.append(Entry(record.place.partition, record.offset, record.timestamp, event))

    queue.listeners.append(hear)
    for topic in (REQUESTS, RESULTS):
        for record in held:
            if record.place.topic == topic:
                queue.apply(record)
    return entries


def told(text: str) -> Iterator[dict[str, Any]]:
    """Yield the structured lines of what processes printed."""
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:  # cut off by a kill
                continue


def beliefs(lines: Iterable[Mapping[str, Any]], records: Iterable[Record], worker: str = "") -> list[Belief]:
    """Return what workers believed to hold; where the lines are of several, the ledger says whose an attempt is."""
    whose = {claim.attempt: claim.worker for claim in _claims(records)}
    began: dict[str, Mapping[str, Any]] = {}
    ended: dict[str, float] = {}
    for line in lines:
        if line.get("event") == "held":
            began[line["attempt"]] = line
        elif line.get("event") == "no-longer-held":
            ended[line["attempt"]] = _ms(line)
    return [
        Belief(
            worker or whose.get(attempt, "?"),
            line["request"],
            attempt,
            line["token"],
            _ms(line),
            ended.get(attempt),
        )
        for attempt, line in began.items()
    ]


def _claims(records: Iterable[Record]) -> Iterator[Claimed]:
    for record in records:
        event = decode_event(record.value) if record.place.topic == RESULTS else None
        if isinstance(event, Claimed):
            yield event


def _ms(line: Mapping[str, Any]) -> float:
    return 1000 * datetime.fromisoformat(line["timestamp"]).timestamp()
