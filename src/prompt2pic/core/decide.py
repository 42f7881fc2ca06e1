"""What a worker or a submitter writes in answer to what the queue shows: pure steps, model-checked."""

from collections.abc import Container
from typing import Literal

from prompt2pic.core.events import Cancelled, Erased, Expired, Failed, Finished, Picture, Released
from prompt2pic.core.jobs import Job

MAX_STALLS = 5  # expiries before `started` after which a job is given up all the same
MAX_AGE = 24 * 3600 * 1000  # ms a request may wait
_FIRST_DELAY = 1_000  # ms before a crashed job is tried again, doubled with each attempt
_LONGEST_DELAY = 60_000  # ms

Outcome = Literal["open", "won", "lost", "unknown"]


def not_before(job: Job) -> int:
    """Return when (ms) a job may be claimed again after a crash."""
    crashes = job.attempts + job.stalls
    if not crashes:
        return 0
    return job.setback + min(_LONGEST_DELAY, _FIRST_DELAY << (crashes - 1))


def delayed(job: Job, now: int) -> bool:
    """Whether a job waits for its pause after a crash at `now` (ms); a crash yet to come is a clock that was wrong."""
    return now < not_before(job) and job.setback <= now + _LONGEST_DELAY


def notify(job: Job) -> bool:
    """Whether the person must be told of the end before the job is over."""
    return job.request is not None and job.request.notify


def holds(job: Job, attempt: str) -> bool:
    """Whether the job is held by this attempt."""
    return job.token is not None and job.token.attempt == attempt


def claim_outcome(job: Job, attempt: str, *, read_back: bool, given_up: bool) -> Outcome:
    """Return what became of a claim; of one that is `open` nothing is known yet.

    `read_back` is whether the record itself was read, which a writer can only tell who knows where it stands;
    `given_up` whether it was looked for long enough: it may still come, and `late_claim` answers it then.
    """
    if holds(job, attempt):
        return "won"
    if read_back:
        return "lost"
    return "unknown" if given_up else "open"


def late_claim(job: Job, attempts: Container[str]) -> Released | None:
    """Return the record that gives the job back where an attempt holds it that was given up as unknown."""
    if job.token is None or job.token.attempt not in attempts:
        return None
    return release(job, "claim-late")


def breakdown(job: Job, attempt: str, reason: str, max_attempts: int) -> Failed | None:
    """Return the record of an attempt that came to grief, None where the job is not (or not yet) its own.

    Before a claim was read back, the token in sight may be that of another worker, who was first.
    """
    return failure(job, reason, max_attempts) if holds(job, attempt) else None


def failure(job: Job, reason: str, max_attempts: int) -> Failed:
    """Return the record of a failed attempt; it is final after `max_attempts`."""
    final = job.attempts + 1 >= max_attempts
    return Failed(
        request=job.id,
        at=job.at,
        token=job.token,
        reason=reason,
        final=final,
        notify=final and notify(job),
    )


def refusal(job: Job, reason: str) -> Failed:
    """Return the record that gives the job up at once: no other attempt could end better."""
    return Failed(request=job.id, at=job.at, token=job.token, reason=reason, final=True, notify=notify(job))


def too_old(job: Job, now: int) -> bool:
    """Whether a waiting job is past the maximum age at `now` (ms), so that it is failed and never claimed."""
    return job.requested > 0 and now - job.requested > MAX_AGE


def expiry(job: Job, max_attempts: int) -> Expired:
    """Return the record that takes the job from a silent attempt; jobs must be held.

    It is final only where the request was read: nobody ends a job without knowing whom to tell.
    """
    assert job.token is not None, "only a held job has a lease"  # noqa: S101
    crashed = bool(job.started)
    spent = job.attempts + crashed >= max_attempts or job.stalls + (not crashed) >= MAX_STALLS
    final = spent and job.request is not None
    return Expired(
        request=job.id,
        at=job.at,
        token=job.token,
        last=job.last,
        final=final,
        notify=final and notify(job),
    )


def release(job: Job, reason: str) -> Released:
    """Return the record that gives a held job back unharmed."""
    assert job.token is not None, "only a held job can be released"  # noqa: S101
    return Released(request=job.id, at=job.at, token=job.token, reason=reason)


def cancellation(job: Job, by: str) -> Cancelled:
    """Return the record that ends a job because nobody wants it any more."""
    return Cancelled(request=job.id, at=job.at, by=by, notify=notify(job))


def erasure(job: Job) -> Erased:
    """Return the record that hides one job, and has its pictures deleted; its request must have been read."""
    assert job.request is not None, "nobody can have a job erased that is not known to be theirs"  # noqa: S101
    return Erased(person=job.request.person, upto=job.at + 1, request=job.id)


def completion(
    job: Job,
    pictures: tuple[Picture, ...],
    steps: int,
    seconds: float,
    read: tuple[float, float] = (1.0, 1.0),
) -> Finished:
    """Return the record that ends a job with all its pictures stored."""
    assert job.token is not None, "only a held job can be finished"  # noqa: S101
    assert job.claim is not None, "a held job has its claim"  # noqa: S101
    return Finished(
        request=job.id,
        at=job.at,
        token=job.token,
        pictures=pictures,
        worker=job.claim.worker,
        model=job.claim.model,
        level=job.claim.level,
        lowered=job.claim.lowered,
        steps=steps,
        seconds=round(seconds, 3),
        read=round(read[0], 3),
        negative_read=round(read[1], 3),
        notify=notify(job),
    )
