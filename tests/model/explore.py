"""Breadth first through every state within bounds, checking the invariants in each."""

import gc
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple

from prompt2pic.core import decide
from tests.model.bounds import Bounds
from tests.model.logs import Violation
from tests.model.space import Space
from tests.model.states import State
from tests.model.survivor import Survivor
from tests.model.words import told

_LOOK = 1000  # states between two looks at the clock
_BITS = 26  # for each part of a packed state


class Report(NamedTuple):
    """What an exploration came to; `trace` is the shortest way to a violation, in words.

    Where it was cut short, it is complete up to `depth` steps, and `waiting` states are left to go on from.
    """

    bounds: Bounds
    complete: bool
    states: int
    transitions: int
    depth: int
    waiting: int
    logs: int
    taken: Counter[str]
    checks: Counter[str]
    seconds: float
    megabytes: int
    violation: str = ""
    trace: tuple[str, ...] = ()

    @property
    def how(self) -> str:
        """Return how far it came."""
        if self.violation:
            return f"VIOLATED: {self.violation}"
        cut = f"CUT: complete up to {self.depth} steps, {self.waiting:,} states left to go on from"
        return "COMPLETE" if self.complete else cut

    def __str__(self) -> str:
        lines = [
            f"{self.bounds}",
            f"  {self.how}: {self.states:,} states, {self.transitions:,} transitions, {self.depth} steps deep, "
            f"{self.logs:,} different logs, {self.seconds:.1f} s, {self.megabytes:,} MB",
            "  steps taken:",
            *_table(self.taken),
            "  invariants checked:",
            *_table(self.checks),
        ]
        lines += [f"  {number}. {line}" for number, line in enumerate(self.trace, 1)]
        return "\n".join(lines)


def _table(counts: Counter[str]) -> list[str]:
    return [f"  {times:>12,} x {name}" for name, times in sorted(counts.items())]


def explored(bounds: Bounds, seconds: float) -> Report:
    """Explore a space and print what was covered."""
    print(bounds, flush=True)
    report = Explorer(bounds, lambda line: print(line, flush=True)).run(seconds)
    print(report, flush=True)
    return report


class Explorer:
    """Visits every state within bounds once, those of the fewest steps first."""

    def __init__(self, bounds: Bounds, say: Callable[[str], None] = lambda line: None) -> None:
        self.bounds = bounds
        self.space = Space(bounds)
        self._survivor = Survivor(self.space)
        self._say = say
        self._packing = _Packing()
        self._seen: set[int] = set()
        self._waiting: list[int] = []
        # For each state in the order of their discovery: from which it came, and by which of its steps.
        self._parents, self._steps = array("l"), array("l")
        self._taken: Counter[str] = Counter()
        self._depth = self._expanding = 0

    def run(self, seconds: float = float("inf")) -> Report:
        """Explore until every state was seen, an invariant is violated or the time is up."""
        begun = time.monotonic()
        with _bounded(self.bounds), _without_collector():
            violation, complete = "", False
            trace: tuple[str, ...] = ()
            try:
                complete = self._explore(begun + seconds)
            except Violation as problem:
                violation, trace = str(problem), self._trace()
        return self._report(complete, time.monotonic() - begun, violation, trace)

    def states(self) -> Iterator[State]:
        """Iterate over every state that was met."""
        return map(self._packing.state, self._seen)

    def _explore(self, until: float) -> bool:
        self._meet(self.space.first(), -1, -1)
        while self._waiting:
            layer, self._waiting = self._waiting, []
            first = len(self._parents) - len(layer)
            self._say(f"  {self._depth} steps: {len(self._seen):,} states, {len(layer):,} of them new")
            for number, packed in enumerate(layer, first):
                if number % _LOOK == 0 and time.monotonic() > until:
                    self._waiting += layer[number - first :]
                    return False
                self._expanding = number
                for count, (step, after) in enumerate(self.space.after(self._packing.state(packed))):
                    self._taken[step.what] += 1
                    self._meet(after, number, count)
            self._depth += bool(self._waiting)
        return True

    def _meet(self, state: State, parent: int, step: int) -> None:
        packed = self._packing.number(state)
        if packed in self._seen:
            return
        self._seen.add(packed)
        self._parents.append(parent)
        self._steps.append(step)
        self._waiting.append(packed)
        self._survivor.check(state)

    def _trace(self) -> tuple[str, ...]:
        last, number, numbers = self.space.doing, self._expanding, []
        while number > 0:
            numbers.append(self._steps[number])
            number = self._parents[number]
        return tuple(told(self.space, numbers[::-1], last))

    def _report(self, complete: bool, seconds: float, violation: str, trace: tuple[str, ...]) -> Report:
        checks = self.space.checks.counts + Counter(
            {
                "a late duplicate is known": self.space.logs.duplicates,
                "no accepted request is lost": len(self._seen) * self.bounds.workers,
                "what a sleeper writes changes nothing that one awake does not": self.space.sleepers.woken,
            }
        )
        return Report(
            bounds=self.bounds,
            complete=complete,
            states=len(self._seen),
            transitions=self._taken.total(),
            depth=self._depth,
            waiting=len(self._waiting),
            logs=len(self.space.logs.results.items),
            taken=self._taken,
            checks=checks,
            seconds=seconds,
            megabytes=getrusage(RUSAGE_SELF).ru_maxrss // 1024,
            violation=violation,
            trace=trace,
        )


class _Packing:
    """States as numbers, of some 40 bytes each: what they share is kept once."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._parts: list[Any] = []

    def number(self, state: State) -> int:
        """Return the state's number."""
        requests, results, workers, left, flying, frontier, tick = state
        parts = (tick, requests, results, self._part(workers), self._part((left, flying, frontier)))
        number = 0
        for part in parts:
            number = number << _BITS | part
        return number

    def state(self, number: int) -> State:
        """Return the state of a number."""
        parts = [number >> _BITS * place & (1 << _BITS) - 1 for place in range(4, -1, -1)]
        tick, requests, results, workers, others = parts
        left, flying, frontier = self._parts[others]
        return State(requests, results, self._parts[workers], left, flying, frontier, tick)

    def _part(self, part: Any) -> int:
        number = self._numbers.setdefault(part, len(self._parts))
        if number == len(self._parts):
            self._parts.append(part)
        return number


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
