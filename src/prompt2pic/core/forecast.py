"""Who will be served when: list scheduling of the waiting jobs on the live workers."""

import heapq
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prompt2pic.core.jobs import Job
from prompt2pic.core.requests import Request
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import WorkerState

UNPREDICTED = 10.0  # seconds a turn is charged with before anything was measured
MOST_LOOKED_AT = 1000  # waiting jobs; who waits behind them gets a place and no time


class Wait(NamedTuple):
    """A job's place (1 is next) and the range of seconds until its picture; None before measurements."""

    place: int
    soonest: float | None = None
    latest: float | None = None


class Load(NamedTuple):
    """What there is to do: the live workers, the jobs they hold, the speeds; `now` in ms."""

    workers: list[WorkerState]
    held: list[Job]
    speeds: Speeds
    now: int

    def idle(self) -> list[WorkerState]:
        """Return the live workers that hold no job."""
        busy = {job.claim.worker for job in self.held if job.claim}
        return [worker for worker in self.workers if worker.name not in busy]

    def free_in(self) -> dict[str, float]:
        """Return in how many seconds each live worker is predicted to be free."""
        free = {worker.name: 0.0 for worker in self.workers}
        for job in self.held:
            if job.claim and job.claim.worker in free:
                free[job.claim.worker] = max(free[job.claim.worker], self.left(job))
        return free

    def left(self, job: Job) -> float:
        """Return the predicted rest, in seconds, of a job that is held."""
        predicted = job.claim.predicted if job.claim else 0.0
        if job.progress and job.progress.left is not None:
            return max(0.0, job.progress.left - self._since(job.heard))
        return max(0.0, predicted - self._since(job.claimed))

    def _since(self, stamp: int) -> float:
        return max(0.0, (self.now - stamp) / 1000)  # what is yet to come is a clock that was wrong

    def seconds(self, request: Request, level: str) -> float | None:
        """Return the mean predicted seconds of a request over the live workers."""
        known = [s for w in self.workers if (s := self.speeds.seconds(w, request, level)) is not None]
        return sum(known) / len(known) if known else None

    def turn(self, job: Job) -> float:
        """Return the seconds that a job's turn is charged with: at `fast`, or a guess before measurements."""
        seconds = self.seconds(job.request, "fast") if job.request else None
        return UNPREDICTED if seconds is None else seconds


Cost = Callable[[Job], float | None]


def finishes(jobs: Iterable[Job], cost: Cost, free: Iterable[float]) -> Iterable[float | None]:
    """Yield, for each job in turn, in how many seconds it will be done; None where that can not be said.

    `free` is in how many seconds each worker will be free.
    """
    machines = list(free)
    heapq.heapify(machines)
    for job in jobs:
        seconds = cost(job)
        if seconds is None or not machines:
            yield None
            continue
        done = machines[0] + seconds
        heapq.heapreplace(machines, done)
        yield done


def waits(load: Load, upcoming: list[Job], expected: str) -> dict[str, Wait]:
    """Return place and wait of each waiting job; `expected` is the level that `auto` now comes to."""
    near, far = upcoming[:MOST_LOOKED_AT], upcoming[MOST_LOOKED_AT:]
    free = load.free_in().values()
    soonest = finishes(near, _cost(load, "fast"), free)
    latest = finishes(near, _cost(load, expected), free)
    told = {
        job.id: Wait(place, _rounded(low), _rounded(high))
        for place, (job, low, high) in enumerate(zip(near, soonest, latest, strict=True), 1)
    }
    told.update({job.id: Wait(place) for place, job in enumerate(far, len(near) + 1)})
    return told


def _cost(load: Load, auto: str) -> Cost:
    def seconds(job: Job) -> float | None:
        if job.request is None:
            return None
        return load.seconds(job.request, auto if job.request.level == "auto" else job.request.level)

    return seconds


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
