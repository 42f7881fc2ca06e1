"""What the doctor sees in any log: how far its clock is from ours, and how old the frontier is."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from prompt2pic.core.marks import mark_of
from prompt2pic.core.ports import Log, Place, Record
from prompt2pic.core.queue import REQUESTS
from prompt2pic.core.reader import FRONTIER_GROUP, SETTINGS, WORKERS, now_ms
from prompt2pic.core.requests import decode_request
from prompt2pic.core.workers import HEARTBEAT

_PATIENCE = 10.0  # seconds for records that are there
_CLOCK_KEY = "doctor"  # of a record in `settings` that nobody heeds
_CLOCK_VALUE = b'{"type":"doctor","v":1}'


class Lag(NamedTuple):
    """What a worker that starts has to read: how many requests, and since how many ms the first is there."""

    requests: int
    age: int


def lag(log: Log) -> Lag:
    """Return how far the frontier is behind. Raises LogUnavailable."""
    starts = _starts(log)
    requests = sum(log.bounds(place)[1] - start for place, start in starts.items())
    firsts = _firsts(log, starts, lambda record: decode_request(record.value) is not None)
    oldest = min((record.timestamp for record in firsts), default=None)
    return Lag(requests, 0 if oldest is None else max(0, now_ms() - oldest))


def apart_by_record(log: Log) -> int | None:
    """Return by how many ms the log's clock is ahead of ours, as a record that is written now is stamped."""
    before = now_ms()
    offset = log.append(Place(SETTINGS, 0), _CLOCK_KEY, _CLOCK_VALUE)
    after = now_ms()
    for record in _firsts(log, {Place(SETTINGS, 0): offset}, lambda record: record.offset == offset):
        return record.timestamp - min(max(record.timestamp, before), after)
    return None


def apart_by_heartbeat(log: Log, timeout: float = HEARTBEAT + 2.0) -> int | None:
    """Return the same by the next sign of a worker, None where none comes."""
    place = Place(WORKERS, 0)
    with closing(log.follow({place: log.bounds(place)[1]})) as follower:
        records = follower.poll(timeout, 1)
        return records[0].timestamp - now_ms() if records else None


def _starts(log: Log) -> dict[Place, int]:
    """Return where a worker begins to read requests."""
    commits = log.committed(FRONTIER_GROUP)
    starts = {}
    for place in (Place(REQUESTS, n) for n in range(log.partitions(REQUESTS))):
        earliest, end = log.bounds(place)
        mark = mark_of(commits[place]) if place in commits else None
        held = mark is not None and earliest <= mark.frontier.requests <= end
        starts[place] = mark.frontier.requests if mark is not None and held else earliest
    return starts


def _firsts(log: Log, starts: dict[Place, int], fits: Callable[[Record], bool]) -> list[Record]:
    """Return the first record at or after each position that fits, of those places that have one."""
    ends = {place: log.bounds(place)[1] for place in starts}
    wanted = {place: start for place, start in starts.items() if ends[place] > start}
    found: dict[Place, Record] = {}
    deadline = time.monotonic() + _PATIENCE
    if not wanted:
        return []
    with closing(log.follow(wanted)) as follower:
        while time.monotonic() < deadline:
            for record in filter(fits, follower.poll(1.0)):
                found.setdefault(record.place, record)
            if all(place in found or at >= ends[place] for place, at in follower.positions().items()):
                break
    return list(found.values())
