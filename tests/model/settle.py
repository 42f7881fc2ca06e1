"""How far a worker may as well have read: one of the two ways in which different states are one."""

from typing import Any

from tests.model.bounds import Bounds
from tests.model.logs import Logs
from tests.model.worker import Choice, Local, Steps


class Settler:
    """Moves a worker on to the last view at which it can still do all that it can do from its own.

    A worker may read at any time, so one that has read less can do at least what one can do that has read
    more. The other way round holds where each step at the views between is open at the later one, too, and
    each job that could be claimed there (once the worker is free) can be claimed here. Then both are one.
    """

    def __init__(self, logs: Logs, steps: Steps, bounds: Bounds) -> None:
        self._logs = logs
        self._steps = steps
        self._bounds = bounds
        self._settled: dict[Any, Local] = {}
        self._moves: dict[Any, list[tuple[Local, Choice]]] = {}

    def settle(self, state: Any, worker: Local) -> Local:
        """Return the worker as far on as makes no difference."""
        context = (bool(state.left.pauses), bool(state.left.commits), state.tick)
        key = (state.requests, state.results, worker, context)
        found = self._settled.get(key)
        if found is None:
            found = self._settled[key] = self._settle(state.requests, state.results, worker, context)
        return found

    def moves(self, state: Any, worker: Local) -> list[tuple[Local, Choice]]:
        """Return every step of the worker, each with how far it had read before."""
        context = (bool(state.left.pauses), bool(state.left.commits), state.tick)
        key = (state.requests, state.results, worker, context)
        found = self._moves.get(key)
        if found is None:
            found = self._moves[key] = self._all_moves(state.requests, state.results, worker, context)
        return found

    def _all_moves(self, requests: int, results: int, worker: Local, context: Any) -> list[tuple[Local, Choice]]:
        moves: list[tuple[Local, Choice]] = []
        for read in range(worker.requests, self._logs.requests.length(requests) + 1):
            at: Local | None = worker._replace(requests=read)
            while at is not None:
                moves += [(at, choice) for choice in self._choices(requests, results, at, context)]
                at = self._further(requests, results, at)
                at = at and self._settle(requests, results, at, context)
        return moves

    def _choices(self, requests: int, results: int, worker: Local, context: Any) -> list[Choice]:
        paused, commits, tick = context
        barred = {"pauses": not paused, "commits": not commits}
        choices = self._steps.choices(requests, results, worker, tick)
        return [choice for choice in choices if not barred.get(choice.cost)]

    def _settle(self, requests: int, results: int, worker: Local, context: Any) -> Local:
        if not self._bounds.lag:
            worker = worker._replace(requests=self._logs.requests.length(requests))
        worker = self._steps.read(requests, results, worker)
        if not self._bounds.reduced:
            return worker
        best, at, before = worker, worker, self._open(requests, results, worker, context)
        while (further := self._further(requests, results, at)) is not None and _goes_on(at, further):
            at, here = further, self._open(requests, results, further, context)
            if before <= here:
                best = at
            before |= here
        return best

    def _further(self, requests: int, results: int, worker: Local) -> Local | None:
        if worker.results == self._logs.results.length(results):
            return None
        return self._steps.read(requests, results, worker._replace(results=worker.results + 1))

    def _open(self, requests: int, results: int, worker: Local, context: Any) -> frozenset[Any]:
        """Return what can be done here, and what could be by a worker without an attempt."""
        choices = self._choices(requests, results, worker, context)
        view = self._steps.view(requests, results, worker)
        now = {(each.kind, each.record, each.job, each.frontier, each.after.lineage) for each in choices}
        return frozenset(now | {("claim", job) for job in self._steps.claimable(view, context[2])})


def _goes_on(before: Local, after: Local) -> bool:
    # A claim that stands at a known place has nothing to do but to be read back.
    return before.phase == after.phase or (before.phase == "claiming" and before.claimed >= 0)
