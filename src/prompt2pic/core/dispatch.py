"""Which job an idle worker takes: the r-th idle worker by hash rank takes the r-th eligible job."""

import zlib
from collections.abc import Iterable, Iterator

from prompt2pic.core.decide import not_before, too_old
from prompt2pic.core.jobs import Job
from prompt2pic.core.workers import WorkerState

_PATIENCE = 0.25  # seconds a job is left to the worker whose turn it is, for each rank between the two
_ELSEWHERE = 60_000  # ms that a crashed job is left to other workers


def eligible(job: Job, me: WorkerState, workers: int, now: int) -> bool:
    """Whether `me`, one of `workers` live ones, may claim the job at `now` (ms).

    A job that crashed here is left to the others, but not for ever: they may be busy, or of another model.
    """
    if job.request is None or too_old(job, now) or not_before(job) > now:
        return False
    if job.request.model and job.request.model != me.model.name:
        return False
    return workers < 2 or job.avoid != me.name or now - job.setback > _ELSEWHERE


def rank(me: str, idle: Iterable[str]) -> int:
    """Return the place of `me` among the idle workers, in an order that all of them agree on."""
    return sum(_hash(other) < _hash(me) for other in idle if other != me)


def pick(jobs: Iterable[Job], place: int, waited: float) -> tuple[Job | None, float]:
    """Return the job that the worker of this rank takes, or None and in how many seconds to look again.

    `waited` is for how many seconds this worker has been idle while the same jobs waited: choice is advisory,
    and a job that the worker whose turn it is leaves lying is taken by the next.
    """
    last, count = None, 0
    for job in jobs:
        last, count = job, count + 1
        if count > place:
            return job, 0.0
    if last is None:
        return None, 0.0
    patience = _PATIENCE * (place - count + 1)
    return (last, 0.0) if waited >= patience else (None, patience - waited)


def candidates(upcoming: Iterable[Job], me: WorkerState, workers: int, now: int) -> Iterator[Job]:
    """Yield the jobs that `me`, one of `workers` live ones, may claim, in the order of their turns."""
    return (job for job in upcoming if eligible(job, me, workers, now))


def _hash(name: str) -> int:
    return zlib.crc32(name.encode())
