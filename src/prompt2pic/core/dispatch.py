"""Which job an idle worker takes: the r-th idle worker by hash rank takes the r-th eligible job."""

import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

from prompt2pic.core.decide import delayed, too_old
from prompt2pic.core.forecast import Load
from prompt2pic.core.jobs import Job
from prompt2pic.core.queue import Offer, Queue
from prompt2pic.core.workers import WorkerState

T = TypeVar("T")

_PATIENCE = 0.25  # seconds a job is left to the worker whose turn it is, for each rank between the two
_ELSEWHERE = 60_000  # ms that a crashed job is left to other workers


def eligible(job: Job, me: WorkerState, workers: int, now: int) -> bool:
    """Whether `me`, one of `workers` live ones, may claim the job at `now` (ms).

    A job that crashed here is left to the others, but not for ever: they may be busy, or of another model.
    """
    if job.request is None or too_old(job, now) or delayed(job, now):
        return False
    if job.request.model and job.request.model != me.model.name:
        return False
    return workers < 2 or job.avoid != me.name or abs(now - job.setback) > _ELSEWHERE


def rank(me: str, idle: Iterable[str]) -> int:
    """Return the place of `me` among the idle workers, in an order that all of them agree on."""
    return sum(_hash(other) < _hash(me) for other in idle)


def pick(jobs: Iterable[T], place: int, waited: float) -> tuple[T | None, float]:
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


def candidates(queue: Queue, me: WorkerState, load: Load) -> Iterator[Offer]:
    """Yield the jobs that `me`, one of the live workers, may claim, in the order of their turns."""
    return queue.order(load.turn, lambda job: eligible(job, me, len(load.workers), load.now))


@lru_cache(maxsize=2**16)
def _hash(name: str) -> int:
    return zlib.crc32(name.encode())
