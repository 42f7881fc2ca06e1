"""Breadth first through every state within bounds, checking the invariants in each."""

import gc
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from prompt2pic.core import decide
from tests.model.bounds import Bounds
from tests.model.checks import Checks
from tests.model.keys import Keys, Recast
from tests.model.logs import Violation
from tests.model.space import Space, State
from tests.model.survivor import Survivor
from tests.model.words import told

_LOOK = 1000  # states between two looks at the clock


class Report(NamedTuple):
    """What an exploration came to; `trace` is the shortest way to a violation, in words."""

    bounds: Bounds
    complete: bool
    states: int
    transitions: int
    depth: int
    logs: int
    checks: Counter[str]
    seconds: float
    violation: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        how = "every state" if self.complete else "NOT every state"
        lines = [
            f"{self.bounds}",
            f"  {how}: {self.states:,} states, {self.transitions:,} transitions, {self.depth} steps deep, "
            f"{self.logs:,} different logs, {self.seconds:.1f} s",
        ]
        lines += [f"  {times:>10,} x {name}" for name, times in sorted(self.checks.items())]
        if self.violation:
            lines += [f"  VIOLATED: {self.violation}"]
            lines += [f"  {number}. {line}" for number, line in enumerate(self.trace, 1)]
        return "\n".join(lines)


class Explorer:
    """Visits every state within bounds once, those of the fewest steps first."""

    def __init__(self, bounds: Bounds, say: Callable[[str], None] = lambda line: None) -> None:
        self.bounds = bounds
        self.space = Space(bounds)
        self.keys = Keys(self.space.logs, self.space.steps, bounds)
        self._recast = Recast(self.keys, self.space.steps)
        self._checks = Checks(self.space.logs, bounds)
        self._survivor = Survivor(self.space)
        self._say = say
        self.seen: set[Any] = set()
        self._waiting: list[State] = []
        # For each state in the order of their discovery: from which it came, and by which of its steps.
        self._parents, self._steps = array("l"), array("l")
        self.transitions = self._depth = self._visited = 0

    def run(self, seconds: float = float("inf")) -> Report:
        """Explore until every state was seen, an invariant is violated or the time is up."""
        begun = time.monotonic()
        with _bounded(self.bounds), _without_collector():
            violation, trace, complete = "", (), False
            try:
                complete = self._explore(begun + seconds)
            except Violation as problem:
                violation, trace = str(problem), self._trace()
        return self._report(complete, time.monotonic() - begun, violation, trace)

    def _explore(self, until: float) -> bool:
        self._meet(self.space.first(), -1, -1)
        while self._waiting:
            layer, self._waiting = self._waiting, []
            first = len(self._parents) - len(layer)
            self._say(f"  {self._depth} steps: {len(self.seen):,} states, {len(layer):,} of them new")
            for number, state in enumerate(layer, first):
                if number % _LOOK == 0 and time.monotonic() > until:
                    return False
                for step, (_, after) in enumerate(self.space.after(state)):
                    self._meet(after, number, step)
            self._depth += bool(self._waiting)
        return True

    def _meet(self, state: State, parent: int, step: int) -> None:
        self.transitions += 1
        # What a step wrote is checked each time: states that are one may differ in what was written for nothing.
        self._last = (parent, step)
        lineages = self._lineages(state) if self.bounds.faults.commits else set()
        self._checks.check(state.requests, state.results, lineages)
        key = self.keys.key(state)
        if key in self.seen:
            return
        self.seen.add(key)
        self._parents.append(parent)
        self._steps.append(step)
        self._waiting.append(state if self.keys.whole else self._recast.state(state))
        self._survivor.check(state)

    def _lineages(self, state: State) -> set[int]:
        started = set() if state.frontier is None else {self.space.logs.started_at(state.frontier)}
        return started | {worker.lineage for worker in state.workers}

    def _trace(self) -> tuple[str, ...]:
        parent, step = self._last
        numbers = []
        while parent >= 0:
            numbers.append(step)
            parent, step = self._parents[parent], self._steps[parent]
        return tuple(told(self.space, numbers[::-1]))

    def _report(self, complete: bool, seconds: float, violation: str, trace: tuple[str, ...]) -> Report:
        checks = self._checks.counts + Counter(
            {
                "a late duplicate is known": self.space.logs.duplicates,
                "no accepted request is lost": len(self.seen) * self.bounds.workers,
            }
        )
        logs = len(self.space.logs.results.items)
        return Report(
            self.bounds,
            complete,
            len(self.seen),
            self.transitions,
            self._depth,
            logs,
            checks,
            seconds,
            violation,
            trace,
        )


@contextmanager
def _bounded(bounds: Bounds) -> Iterator[None]:
    """Have a job given up after fewer stalls than in earnest, so that the space is finite and small."""
    most, decide.MAX_STALLS = decide.MAX_STALLS, bounds.max_stalls
    try:
        yield
    finally:
        decide.MAX_STALLS = most


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking through millions of objects for cycles: there are none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
