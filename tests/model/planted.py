"""Bugs to be found: the real code with one thing wrong at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from prompt2pic.core import decide, jobs, ledger
from prompt2pic.core.events import Claimed, Expired, Failed, Finished
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier, Ledger
from tests.model.bounds import Bounds, Left


class Bug(NamedTuple):
    """What is wrong, how it is put in, the bounds within which it must be found, and what it breaks (any of these)."""

    name: str
    planted: Callable[[], Any]
    bounds: Bounds
    breaks: tuple[str, ...]


def _transition(event: type, mutant: Callable[[Job, int, int, Any], bool]) -> Callable[[], Any]:
    return lambda: patch.dict(jobs.TRANSITIONS, {event: mutant})


def _finished_by_anybody(job: Job, offset: int, timestamp: int, event: Finished) -> bool:
    job.token = event.token
    return _FINISHED(job, offset, timestamp, event)


def _expired_whatever_came_since(job: Job, offset: int, timestamp: int, event: Expired) -> bool:
    return _EXPIRED(job, offset, timestamp, msgspec.structs.replace(event, last=job.last))


def _claimed_while_held(job: Job, offset: int, timestamp: int, event: Claimed) -> bool:
    if job.end is None:
        job.state = "waiting"
    return _CLAIMED(job, offset, timestamp, event)


def _failed_for_good_by_anybody(job: Job, offset: int, timestamp: int, event: Failed) -> bool:
    if event.final and job.end is None:
        event = msgspec.structs.replace(event, token=job.token)
    return _FAILED(job, offset, timestamp, event)


def _expired_at_no_cost(job: Job, offset: int, timestamp: int, event: Expired) -> bool:
    counted = _EXPIRED(job, offset, timestamp, event)
    job.stalls = 0
    return counted


def _advance_past_what_is_open(self: Ledger, now: int) -> Frontier:
    _ADVANCE(self, now)
    self.frontier = Frontier(self.frontier.requests, self.next_result)
    return self.frontier


def _fail_before_reading_back(job: Job, attempt: str, reason: str, max_attempts: int) -> Any:
    return decide.failure(job, reason, max_attempts)


_FINISHED, _FAILED = jobs.TRANSITIONS[Finished], jobs.TRANSITIONS[Failed]
_EXPIRED, _CLAIMED = jobs.TRANSITIONS[Expired], jobs.TRANSITIONS[Claimed]
_ADVANCE = Ledger.advance
_ONE_DAY = Left(duplicates=1, cancels=1, commits=1, ticks=1)

BUGS = (
    Bug(
        "no token check",
        _transition(Finished, _finished_by_anybody),
        Bounds(),
        ("a `finished` counts that its holder did not write",),
    ),
    Bug(
        "expiry without `last`",
        _transition(Expired, _expired_whatever_came_since),
        Bounds(faults=Left(pauses=1)),
        ("an expiry counts although its attempt was heard of since",),
    ),
    Bug(
        "a claim counts while the job is held",
        _transition(Claimed, _claimed_while_held),
        Bounds(),
        ("a claim counts although another attempt holds the job",),
    ),
    Bug(
        "the last word of an attempt that is over",
        _transition(Failed, _failed_for_good_by_anybody),
        Bounds(),
        ("a `failed` counts that its holder did not write",),
    ),
    Bug(
        "expiries before the start are not counted",
        _transition(Expired, _expired_at_no_cost),
        Bounds(),
        ("a job's attempts are not those that its records tell of",),
    ),
    Bug(
        "the frontier goes too far",
        lambda: patch.object(Ledger, "advance", _advance_past_what_is_open),
        Bounds(workers=1, faults=Left(commits=1)),
        ("a reader that started at a frontier disagrees about an open job",),
    ),
    Bug(
        "a duplicate after the frontier looks new",
        lambda: patch.object(ledger, "REMEMBERED", 0),
        Bounds(jobs=2, workers=1, faults=_ONE_DAY),
        ("a late duplicate looks new after a frontier",),
    ),
    Bug(
        "a painter's death is told before the claim was read back",
        lambda: patch.object(decide, "breakdown", _fail_before_reading_back),
        Bounds(),
        ("the holder's own record does not count", "a `failed` counts that its holder did not write"),
    ),
)
