"""Every log that was met, as trees of prefixes, and what real ledgers make of each prefix."""

import copy
from collections import OrderedDict
from typing import Any, NamedTuple

from prompt2pic.core.decide import MAX_AGE
from prompt2pic.core.errors import Refused
from prompt2pic.core.events import Erased, Event, decode_event, encode_event
from prompt2pic.core.intake import check_age
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier, Ledger
from prompt2pic.core.requests import Request, decode_request, encode_request

PERSON = "ann"
HALF_DAY = 13 * 3600 * 1000  # ms a tick lasts: two of them are more than the maximum age
_STAMP = 1  # ms; when an event was written is of no account here
_LEDGERS = 50_000  # ledgers kept for the next record; the others are folded anew when needed

assert HALF_DAY < MAX_AGE < 2 * HALF_DAY


class Violation(Exception):  # noqa: N818 - what a check found, with what it means
    """An invariant does not hold."""


class Asked(NamedTuple):
    """A record of `requests`: which job, and at which tick."""

    job: int
    tick: int


class Written(NamedTuple):
    """A record of `results`, and the attempt in whose name it was written ("" for none)."""

    event: Event
    attempt: str = ""


class View(NamedTuple):
    """What a reader makes of a prefix: each job by its number, and whether the newest event counted.

    `fooled` names a job of which a duplicate looked new.
    """

    jobs: tuple[Job | None, ...]
    counted: bool
    erased: tuple[Any, ...]
    fooled: str = ""


class Tree:
    """Sequences of records as prefixes of each other: node 0 is empty, each other adds one record."""

    def __init__(self) -> None:
        self.paths: list[tuple[int, ...]] = [(0,)]
        self.items: list[Any] = [None]
        self._children: dict[tuple[int, Any], int] = {}

    def child(self, node: int, item: Any) -> int:
        """Return the prefix that is one record longer."""
        child = self._children.get((node, item))
        if child is None:
            child = self._children[node, item] = len(self.items)
            self.paths.append((*self.paths[node], child))
            self.items.append(item)
        return child

    def length(self, node: int) -> int:
        """Return how many records the prefix has, which is the offset of the next."""
        return len(self.paths[node]) - 1

    def records(self, node: int) -> list[Any]:
        """Return the records of the prefix."""
        return [self.items[each] for each in self.paths[node][1:]]


class Logs:
    """Both topics of one partition, and the folds of all their prefixes.

    A reader's `lineage` is the ledger that it began with: 0 is the empty one, the others stand at a frontier.
    """

    def __init__(self, jobs: int, notify: bool) -> None:
        self.requests, self.results = Tree(), Tree()
        self.names = {f"job {number + 1}": number for number in range(jobs)}
        self.folded = self.duplicates = 0
        self._bodies = [_body(name, notify) for name in self.names]
        self._bases = [Ledger(0)]
        self._lineages: dict[Any, int] = {}
        self._views: dict[tuple[int, int, int], View] = {}
        self._ledgers: OrderedDict[tuple[int, int, int], Ledger] = OrderedDict()

    def body(self, job: int) -> Request:
        """Return what was asked for."""
        return self._bodies[job]

    def number(self, event: Event) -> int:
        """Return of which job the event tells."""
        return self.names[event.request]  # type: ignore[union-attr,index]  # only `erased` may tell of none

    def first_asked(self, requests: int) -> dict[int, int]:
        """Return at which tick each job was asked for first."""
        return {each.job: each.tick for each in reversed(self.requests.records(requests))}

    def view(self, lineage: int, requests: int, results: int) -> View:
        """Return what a reader that read these prefixes sees."""
        key = (lineage, requests, results)
        return self._views.get(key) or self._fold(key)

    def ledger(self, lineage: int, requests: int, results: int) -> Ledger:
        """Return the ledger of a reader that read these prefixes; it must not be changed."""
        key = (lineage, requests, results)
        if key not in self._ledgers:
            self._fold(key)
        return self._ledgers[key]

    def requests_last(self, requests: int, results: int) -> Ledger:
        """Return the ledger of a reader from the earliest records that read the last request after all events."""
        return self._with_request(0, self.requests.paths[requests], results)[0]

    def started_at(self, frontier: Frontier) -> int:
        """Return the lineage of readers that start at a frontier."""
        return self._lineage(("started", frontier), Ledger(0, frontier))

    def advanced(self, ledger: Ledger, now: int) -> tuple[Frontier, int]:
        """Move a copy's frontier as far as it may go; return it and the lineage of who goes on from there."""
        moved = clone(ledger)
        frontier = moved.advance(now)
        return frontier, self._lineage(("advanced", repr(vars(moved))), moved)

    def _lineage(self, key: Any, base: Ledger) -> int:
        if key not in self._lineages:
            self._lineages[key] = len(self._bases)
            self._bases.append(base)
        return self._lineages[key]

    def _fold(self, key: tuple[int, int, int]) -> View:
        lineage, requests, results = key
        base = self._bases[lineage]
        if self.results.length(results) > base.next_result:
            ledger, view = self._with_event(lineage, requests, self.results.paths[results])
        elif self.requests.length(requests) > base.next_request:
            ledger, view = self._with_request(lineage, self.requests.paths[requests], results)
        else:
            ledger = base
            view = View(tuple(base.jobs.get(name) for name in self.names), False, _erased(base))
        self.folded += 1
        self._keep(key, ledger)
        self._views[key] = view
        return view

    def _keep(self, key: tuple[int, int, int], ledger: Ledger) -> None:
        self._ledgers[key] = ledger
        if len(self._ledgers) > _LEDGERS:
            self._ledgers.popitem(last=False)

    def _with_event(self, lineage: int, requests: int, path: tuple[int, ...]) -> tuple[Ledger, View]:
        before, event = self.view(lineage, requests, path[-2]), self.results.items[path[-1]].event
        name = getattr(event, "request", None)
        ledger = clone(self.ledger(lineage, requests, path[-2]), name)
        job = ledger.apply_event(len(path) - 2, _STAMP, event)
        jobs = self._jobs(before, ledger, name, job)
        erased = _erased(ledger) if isinstance(event, Erased) else before.erased
        return ledger, View(jobs, job is not None, erased, before.fooled)

    def _with_request(self, lineage: int, path: tuple[int, ...], results: int) -> tuple[Ledger, View]:
        asked: Asked = self.requests.items[path[-1]]
        before, body = self.view(lineage, path[-2], results), self._bodies[asked.job]
        ledger = clone(self.ledger(lineage, path[-2], results), body.id)
        job = ledger.apply_request(len(path) - 2, _STAMP + asked.tick * HALF_DAY, body)
        again = any(self.requests.items[node].job == asked.job for node in path[1:-1])
        self.duplicates += again
        fooled = body.id if again and job is not None else before.fooled
        return ledger, View(self._jobs(before, ledger, body.id, job), job is not None, before.erased, fooled)

    def _jobs(
        self, before: View, ledger: Ledger, name: str | None, job: Job | None
    ) -> tuple[Job | None, ...]:
        if name is None:
            return before.jobs
        number = self.names[name]
        now = ledger.jobs.get(name) or job or before.jobs[number]
        return (*before.jobs[:number], now, *before.jobs[number + 1 :])


def clone(ledger: Ledger, name: str | None = None) -> Ledger:
    """Return a copy in which the named job can be changed, and any job added or dropped."""
    made = object.__new__(type(ledger))
    for field, value in vars(ledger).items():
        vars(made)[field] = copy.copy(value)
    if name in made.jobs:
        made.jobs[name] = copy.copy(made.jobs[name])
    return made


def young(asked: Asked, tick: int) -> bool:
    """Whether a request may still be written at this tick, or come if it was on its way."""
    try:
        check_age(asked.tick * HALF_DAY, tick * HALF_DAY)
    except Refused:
        return False
    return True


def through_the_log(event: Event) -> Event:
    """Return the event as readers get it."""
    read = decode_event(encode_event(event))
    assert read == event, "an event is what was written"
    return read


def _body(name: str, notify: bool) -> Request:
    body = Request(id=name, person=PERSON, prompt="a sunset", seed=1, notify=notify)
    read = decode_request(encode_request(body))
    assert read == body, "a request is what was written"
    return read


def _erased(ledger: Ledger) -> tuple[Any, ...]:
    return (*sorted(ledger.erased.items()), *sorted(ledger.erased_requests.items()))
