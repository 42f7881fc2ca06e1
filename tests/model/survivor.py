"""Nothing is lost: whatever went wrong, any one worker that is left brings every job to its end, alone."""

from typing import Any

from tests.model.logs import Violation
from tests.model.moves import Here
from tests.model.space import Space
from tests.model.states import State
from tests.model.worker import Choice, Local

# What a worker does first where it can do several things, as its loop has it. Nothing goes wrong any more:
# the painter does not fail, every append is acknowledged, no record comes that was lost on its way.
_ORDER = ("give back late", "start", "finish", "say again", "give up", "claim", "expire", "refuse")
_ENOUGH = 100  # steps


class Survivor:
    """Plays the fault-free schedule in which one worker works and all others sleep for ever."""

    def __init__(self, space: Space) -> None:
        self.played = 0
        self._space = space
        self._fine: set[Any] = set()
        self._seen: set[Any] = set()

    def check(self, state: State) -> None:
        """Raise Violation where one of the workers could not end every job on its own."""
        for worker in state.workers:
            case = (state.requests, state.results, worker, state.tick)
            if case not in self._seen:
                self._seen.add(case)
                self._check(*case)

    def _check(self, requests: int, results: int, worker: Local, tick: int) -> None:
        passed: list[Any] = []
        for _ in range(_ENOUGH):
            worker = self._reads_all(requests, results, worker)
            key = self._key(requests, results, worker, tick)
            if key in self._fine or self._over(requests, results):
                self._fine.update(passed)
                return
            passed.append(key)
            choice = self._next(requests, results, worker, tick)
            if choice is None:
                break
            move = self._space.moves.made(Here(requests, results, 0, tick), worker, choice)[0]
            results, worker = move.results, move.after
            self.played += 1
        raise Violation("a request is lost: a worker that is left alone can not bring it to an end")

    def _reads_all(self, requests: int, results: int, worker: Local) -> Local:
        logs = self._space.logs
        ends = logs.requests.length(requests), logs.results.length(results)
        return self._space.steps.read(requests, results, worker._replace(requests=ends[0], results=ends[1]))

    def _next(self, requests: int, results: int, worker: Local, tick: int) -> Choice | None:
        choices = [c for c in self._space.steps.choices(requests, results, worker, tick) if c.kind in _ORDER]
        return min(choices, key=lambda choice: _ORDER.index(choice.kind), default=None)

    def _over(self, requests: int, results: int) -> bool:
        jobs = self._space.logs.view(0, requests, results).jobs
        return all(job is None or job.end is not None for job in jobs)

    def _key(self, requests: int, results: int, worker: Local, tick: int) -> Any:
        """Return all that matters: what it sees at the log's end, and whether its attempt still holds its job."""
        view = self._space.steps.view(requests, results, worker)
        jobs = tuple(
            job and (job.state, job.attempts, job.stalls, bool(job.started), _whose(job, worker))
            for job in view.jobs
        )
        said = self._space.steps.words[worker.said].event if worker.phase == "ending" else None
        kind = (type(said).__name__, getattr(said, "final", False))
        return (
            requests,
            jobs,
            worker.phase,
            worker.job,
            worker.claimed >= 0,
            kind,
            len(worker.late),
            tick,
            worker.lineage,
        )


def _whose(job: Any, worker: Local) -> str:
    if job.token is None:
        return ""
    return (
        "own"
        if job.token.attempt == worker.attempt
        else "late"
        if job.token.attempt in worker.late
        else "other"
    )
