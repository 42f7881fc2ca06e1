"""A job: a request as the queue sees it, and how each event changes it."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from prompt2pic.core.events import (
    Announced,
    Cancelled,
    Claimed,
    Delivered,
    Expired,
    Failed,
    Finished,
    Progressed,
    Released,
    Started,
    Token,
)
from prompt2pic.core.requests import Request

State = Literal["waiting", "held", "finished", "failed", "cancelled"]
End = Finished | Failed | Expired | Cancelled


class Job(msgspec.Struct, gc=False):  # nothing in it points back: the collector need not look
    """A request and its state; times in ms since the epoch, as the log stamped them.

    `at` is the request's offset, `first` its first event's, `last` the newest record's of the attempt that
    holds the job, `heard` when that came. `setback` is when the last attempt crashed, `avoid`
    its worker.
    """

    id: str
    partition: int
    at: int
    request: Request | None = None
    requested: int = 0
    state: State = "waiting"
    claim: Claimed | None = None
    token: Token | None = None
    first: int = -1
    last: int = -1
    heard: int = 0
    claimed: int = 0
    started: int = 0
    progress: Progressed | None = None
    attempts: int = 0
    stalls: int = 0
    setback: int = 0
    avoid: str = ""
    end: End | None = None
    ended: int = 0
    message: int | None = None
    delivered: Delivered | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended and, where the person was to be told, they were."""
        return self.end is not None and (not self.end.notify or self.delivered is not None)


def _claimed(job: Job, offset: int, timestamp: int, event: Claimed) -> bool:
    if job.state != "waiting":
        return False
    job.state = "held"
    job.claim = event
    job.token = Token(offset, event.attempt)
    job.claimed = timestamp
    job.last, job.heard = offset, timestamp
    return True


def _started(job: Job, offset: int, timestamp: int, event: Started) -> bool:
    if job.token != event.token:
        return False
    job.started = timestamp
    job.last, job.heard = offset, timestamp
    return True


def _progressed(job: Job, offset: int, timestamp: int, event: Progressed) -> bool:
    if job.token != event.token:
        return False
    before = job.progress.preview if job.progress else ""
    job.progress = event if event.preview or not before else msgspec.structs.replace(event, preview=before)
    job.started = job.started or timestamp
    job.last, job.heard = offset, timestamp
    return True


def _released(job: Job, offset: int, timestamp: int, event: Released) -> bool:
    if job.token != event.token:
        return False
    _wait_again(job)
    return True


def _failed(job: Job, offset: int, timestamp: int, event: Failed) -> bool:
    # Without a token the record speaks of a job that waits: "no attempt" is then the current token.
    if job.end is not None or job.token != event.token:
        return False
    if event.final:
        return _end(job, "failed", timestamp, event)
    if job.token is None:
        return False
    return _set_back(job, timestamp)


def _expired(job: Job, offset: int, timestamp: int, event: Expired) -> bool:
    if job.token != event.token or job.last != event.last:
        return False
    if event.final:
        return _end(job, "failed", timestamp, event)
    return _set_back(job, timestamp, stalled=not job.started)


def _cancelled(job: Job, offset: int, timestamp: int, event: Cancelled) -> bool:
    return job.end is None and _end(job, "cancelled", timestamp, event)


def _finished(job: Job, offset: int, timestamp: int, event: Finished) -> bool:
    return job.token == event.token and _end(job, "finished", timestamp, event)


def _announced(job: Job, offset: int, timestamp: int, event: Announced) -> bool:
    if job.over:
        return False
    job.message = event.message
    return True


def _delivered(job: Job, offset: int, timestamp: int, event: Delivered) -> bool:
    if job.end is None or job.over:
        return False
    job.delivered = event
    return True


def _wait_again(job: Job) -> None:
    job.state = "waiting"
    job.token = None
    job.started = 0
    job.progress = None
    job.last = -1


def _set_back(job: Job, timestamp: int, *, stalled: bool = False) -> bool:
    job.attempts += not stalled
    job.stalls += stalled
    job.setback = timestamp
    job.avoid = job.claim.worker if job.claim else ""
    _wait_again(job)
    return True


def _end(job: Job, state: State, timestamp: int, event: End) -> bool:
    job.state = state
    job.token = None
    job.progress = None
    job.end = event
    job.ended = timestamp
    return True


# The only places where a job's state changes: each a function of the job and of one record of the ledger, which
# returns whether the event counted. None counts once the job is over, also where it is still kept because its
# request was not read yet.
TRANSITIONS: dict[type, Callable[[Job, int, int, Any], bool]] = {
    Claimed: _claimed,
    Started: _started,
    Progressed: _progressed,
    Released: _released,
    Failed: _failed,
    Expired: _expired,
    Cancelled: _cancelled,
    Finished: _finished,
    Announced: _announced,
    Delivered: _delivered,
}
