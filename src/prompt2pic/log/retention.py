"""What the embedded log forgets; Kafka does the same by its topics' settings."""

from collections.abc import Callable
from functools import partial

from prompt2pic.core.ledger import REMEMBERED
from prompt2pic.core.marks import mark_of
from prompt2pic.core.ports import Log, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import FRONTIER_GROUP
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.log.topics import KEPT


def retiring(log: Log) -> Callable[[int], int] | None:
    """Return what deletes old records of a log at a time in ms, None where the log does so by itself."""
    return partial(retire, log) if isinstance(log, SqliteLog) else None


def retire(log: SqliteLog, now: int) -> int:
    """Delete what is old enough at `now` (ms) and return how many records that were.

    What lies behind the frontier is done with; what lies before it is kept however old it is: a worker that
    starts reads it. Raises LogUnavailable.
    """
    marks = {place.partition: mark_of(commit) for place, commit in log.committed(FRONTIER_GROUP).items()}
    gone = 0
    for topic, kept in KEPT.items():
        before = now - max(kept, REMEMBERED)
        for place in (Place(topic, number) for number in range(log.partitions(topic))):
            if topic not in (REQUESTS, RESULTS):
                gone += log.trim(place, before, now)
            elif mark := marks.get(place.partition):
                behind = mark.frontier.requests if topic == REQUESTS else mark.frontier.results
                gone += log.trim(place, before, now, behind)
    log.wipe()
    return gone
