"""How far a worker may as well have read: one of the two ways in which different states are one."""

from typing import NamedTuple

from prompt2pic.core import decide
from tests.model.bounds import Bounds, Left
from tests.model.logs import Logs
from tests.model.worker import Choice, Local, Steps

Openings = frozenset[tuple[object, ...]]


class Here(NamedTuple):
    """What the steps of a worker depend on beside its own state; `unknowns` gives a claim its attempt's id."""

    requests: int
    results: int
    paused: bool
    commits: bool
    unknowns: int
    tick: int

    @classmethod
    def of(cls, requests: int, results: int, left: Left, tick: int) -> "Here":
        """Return it for a state's fields."""
        return cls(requests, results, left.pauses > 0, left.commits > 0, left.unknowns, tick)


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
        self._forgets = bounds.reduced and not bounds.faults.commits
        self._settled: dict[tuple[Here, Local], Local] = {}
        self._choices: dict[tuple[object, ...], tuple[list[Choice], Openings]] = {}

    def settle(self, here: Here, worker: Local) -> Local:
        """Return the worker as far on as makes no difference."""
        found = self._settled.get((here, worker))
        if found is None:
            found = self._settled[here, worker] = self._settle(here, worker)
        return found

    def choices(self, here: Here, worker: Local) -> list[tuple[Local, Choice]]:
        """Return every step of the worker, each with how far it had read before."""
        choices: list[tuple[Local, Choice]] = []
        if worker.own >= 0:
            choices += [(worker, choice) for choice in self._at(here, worker)[0]]
            worker = self.settle(here, worker.idle())
        for read in range(worker.requests, self._logs.requests.length(here.requests) + 1):
            at: Local | None = worker._replace(requests=read)
            while at is not None:
                choices += [(at, choice) for choice in self._at(here, at)[0]]
                at = self._further(here, at)
                at = at and self._settle(here, at)
        return choices

    def _settle(self, here: Here, worker: Local) -> Local:
        if not self._bounds.lag:
            worker = worker._replace(requests=self._logs.requests.length(here.requests))
        worker = self._steps.read(here.requests, here.results, worker)
        if not self._bounds.reduced:
            return worker
        if worker.own < 0:
            worker = self._moved_on(here, worker)
            if not (self._forgets and self._has_lost(here, worker)):
                return worker
            worker = self._steps.lost(here.requests, here.results, worker)
        return worker._replace(results=self.settle(here, worker.idle()).results)

    def _has_lost(self, here: Here, worker: Local) -> bool:
        """Whether its attempt holds its job by what it has read, but no more by the whole log."""
        if worker.phase == "idle":
            return False
        seen = self._steps.view(here.requests, here.results, worker).jobs[worker.job]
        there = self._logs.view(0, here.requests, here.results).jobs[worker.job]
        assert seen is not None
        assert there is not None
        return decide.holds(seen, worker.attempt) and not decide.holds(there, worker.attempt)

    def _moved_on(self, here: Here, worker: Local) -> Local:
        best, at, before = worker, worker, self._at(here, worker)[1]
        while (further := self._further(here, at)) is not None and _goes_on(at, further):
            at, there = further, self._at(here, further)[1]
            if before <= there:
                best = at
            before |= there
        return best

    def _further(self, here: Here, worker: Local) -> Local | None:
        if worker.results == self._logs.results.length(here.results):
            return None
        return self._steps.read(here.requests, here.results, worker._replace(results=worker.results + 1))

    def _at(self, here: Here, worker: Local) -> tuple[list[Choice], Openings]:
        """Return the worker's steps where it stands, and with them what a worker without an attempt could do."""
        logs = self._logs
        read = (
            logs.requests.paths[here.requests][worker.requests],
            logs.results.paths[here.results][worker.results],
        )
        fresh = worker.own < 0 and read == (here.requests, here.results)
        key = (*read, fresh, worker, here.paused, here.commits, here.tick)
        found = self._choices.get(key)
        if found is None:
            found = self._choices[key] = self._found(here, worker)
        return found

    def _found(self, here: Here, worker: Local) -> tuple[list[Choice], Openings]:
        barred = {"pauses": not here.paused, "commits": not here.commits}
        all_choices = self._steps.choices(here.requests, here.results, worker, here.tick)
        choices = [choice for choice in all_choices if not barred.get(choice.cost)]
        now: set[tuple[object, ...]] = {
            (each.kind, each.record, each.job, each.frontier, each.after.lineage) for each in choices
        }
        if (
            worker.phase != "claiming" or worker.claimed < worker.results
        ):  # else its own claim is read back first
            view = self._steps.view(here.requests, here.results, worker)
            now |= {("claim", job) for job in self._steps.claimable(view, here.tick)}
        return choices, frozenset(now)


def _goes_on(before: Local, after: Local) -> bool:
    # A claim that stands at a known place has nothing to do but to be read back.
    return before.phase == after.phase or (before.phase == "claiming" and before.claimed >= 0)
