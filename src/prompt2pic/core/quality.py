"""Quality follows load: the best level with which nobody who waits is late for it."""

from collections.abc import Iterable, Iterator
from itertools import islice, tee
from typing import NamedTuple

from prompt2pic.core.forecast import Load, finishes
from prompt2pic.core.jobs import Job
from prompt2pic.core.requests import LEVELS
from prompt2pic.core.workers import WorkerState

_LOOKED_AT = 500  # waiting jobs; a later one would bind only where these are all late anyway
_SLACK = 0.9  # a higher level than the last one must keep the target with a tenth to spare


class Targets(NamedTuple):
    """Seconds from request to picture that are aimed at: with others waiting, and with nobody else."""

    busy: float = 30.0
    idle: float = 180.0


class Choice(NamedTuple):
    """The level to paint at; `lowered` where load, not the person or the machine, keeps it under the best."""

    level: str
    lowered: bool
    predicted: float | None


def choose(
    job: Job, waiting: Iterable[Job], me: WorkerState, load: Load, targets: Targets, last: str
) -> Choice:
    """Return the level at which `me` should paint the job while the others in `waiting` wait their turn.

    `last` is the level this worker chose before: going up again needs some slack, so that it does not flap.
    """
    assert job.request is not None, "a job is chosen with its request"  # noqa: S101
    if job.request.level != "auto":
        asked = job.request.level
        return Choice(asked, False, load.speeds.seconds(me, job.request, asked))
    others = _Lookahead(other for other in waiting if other.id != job.id)
    alone = _first_fitting(job, _Lookahead(()), me, load, targets.idle, LEVELS[0])
    level = _first_fitting(job, others, me, load, targets.busy, last) if others else alone
    lowered = LEVELS.index(level) < LEVELS.index(alone)
    return Choice(level, lowered, load.speeds.seconds(me, job.request, level))


def expected_level(upcoming: list[Job], load: Load, targets: Targets) -> str:
    """Return the level that `auto` comes to for the next job in turn, for predictions."""
    if not upcoming or not load.workers or upcoming[0].request is None:
        return LEVELS[-1]
    others = _Lookahead(upcoming[1:])
    target = targets.busy if others else targets.idle
    return _first_fitting(upcoming[0], others, load.workers[0], load, target, LEVELS[-1])


class _Lookahead:
    """The jobs that wait behind, taken from the order of turns no further than somebody looks."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._coming = islice(jobs, _LOOKED_AT)
        self._seen: list[Job] = []

    def __iter__(self) -> Iterator[Job]:
        yield from self._seen
        for job in self._coming:
            self._seen.append(job)
            yield job

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


def _first_fitting(
    job: Job, others: _Lookahead, me: WorkerState, load: Load, target: float, last: str
) -> str:
    for level in LEVELS[:0:-1]:  # the first needs no room
        higher = bool(others) and LEVELS.index(level) > LEVELS.index(last)
        if _fits(job, others, level, me, load, target * (_SLACK if higher else 1.0)):
            return level
    return LEVELS[0]


def _fits(job: Job, others: _Lookahead, level: str, me: WorkerState, load: Load, target: float) -> bool:
    assert job.request is not None, "a job is chosen with its request"  # noqa: S101
    own = load.speeds.seconds(me, job.request, level)
    if own is None or _waited(job, load.now) + own > target:
        return False
    free = load.free_in() | {me.name: own}
    watched, timed = tee(others)
    done = finishes(timed, lambda other: _fastest(other, load), free.values())
    return not any(_made_late(other, at, load, target) for other, at in zip(watched, done, strict=False))


def _made_late(other: Job, done: float | None, load: Load, target: float) -> bool:
    alone = _fastest(other, load)
    if done is None or alone is None:
        return False
    waited = _waited(other, load.now)
    return waited + done > target >= waited + alone


def _fastest(job: Job, load: Load) -> float | None:
    if job.request is None:
        return None
    asked = job.request.level
    return load.seconds(job.request, LEVELS[0] if asked == "auto" else asked)


def _waited(job: Job, now: int) -> float:
    return max(0.0, (now - job.requested) / 1000)
