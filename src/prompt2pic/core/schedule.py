"""Whose turn it is: round robin between people by predicted seconds, then first come first served.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): a person's next job starts, on a virtual clock,
when their last one ended or when they came back, whichever is later; the smallest start goes first.
The clock shows the start of the job taken last, and once nobody waits the latest end of any.

Newcomers start at the clock, so that an endless stream of them would keep back for ever whoever is ahead of it.
Therefore one claim in sixteen goes by age.
"""

import heapq
from collections.abc import Callable, Container, Iterator
from types import NoneType
from typing import NamedTuple, TypeVar

import msgspec

from prompt2pic.core.events import Cancelled, Claimed, Expired, Failed, JobEvent, Released
from prompt2pic.core.jobs import Job

T = TypeVar("T")

EVERY = 16  # claims, of which one goes to the job requested longest ago
_ROOM = 64  # things without use that may be kept beside as many of them as are of use


_GIVEN_BACK = {Released, Failed, Expired}
TURNING = {NoneType, Claimed, Cancelled, *_GIVEN_BACK}  # what can make a job wait, or wait no more


class _Entry(msgspec.Struct, frozen=True, order=True, gc=False):
    """A waiting job in its person's line, in order of request."""

    requested: int
    partition: int
    at: int
    id: str


class _Head(msgspec.Struct, frozen=True, order=True, gc=False):
    """A person's first waiting job and its start on the virtual clock."""

    start: float
    entry: _Entry
    person: str


class _Line(msgspec.Struct):
    """One person's waiting jobs; entries of jobs that wait no more are dropped when they reach the top."""

    start: float = 0.0
    finish: float = 0.0
    heap: list[_Entry] = []
    head: _Head | None = None
    length: int = 0


class Turn(NamedTuple):
    """The id of a waiting job, and whether it comes by age."""

    id: str
    by_age: bool


class Turns:
    """The order in which waiting jobs come; kept up with each change of a job in logarithmic time.

    Of any `EVERY` claims one goes by age: to the job requested longest ago, free of charge, as it is nobody's
    turn. So a waiting job is claimed after at most `EVERY` claims for each job asked before it that still waits, and
    for itself. Claims say whether they went by age, so that all readers count alike.

    No account is ahead of the clock by more than the claim it was charged with last, however long the queue has
    not been empty: a reader that starts at the frontier, and knows of no older claims, has the same order but for
    one claim of each person.

    Accounts are kept at once, the order only once somebody asks for it: most jobs come and go in between.
    """

    def __init__(self) -> None:
        self._clock = 0.0
        self._passed = 0
        self._latest = 0.0
        self._most_lines = _ROOM
        self._lines: dict[str, _Line] = {}
        self._fresh: dict[str, Job] = {}
        self._placed: dict[str, _Entry] = {}
        self._moved: set[str] = set()
        self._heads: list[_Head] = []
        self._ages: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._fresh) + len(self._placed)

    def waiting_of(self, person: str) -> int:
        """Return how many jobs of a person wait."""
        line = self._lines.get(person)
        return line.length if line else 0

    def oldest(self) -> int | None:
        """Return when (ms) the job that waits longest was requested, None where none waits."""
        self._place()
        return self._ages[0].requested if self._ages else None

    def changed(self, job: Job, event: JobEvent | None) -> None:
        """Take in a job that an event of `TURNING` has changed; None stands for the arrival of its request."""
        if job.request is None:
            return
        person = job.request.person
        line = self._lines.get(person) or self._new_line(person)
        if job.state == "waiting":
            self._add(line, job, event)
        else:
            self._remove(line, job, event)
        if line.heap:
            self._moved.add(person)

    def dated(self, job: Job) -> None:
        """Take in that the time of a job's request was put right."""
        if self._placed.pop(job.id, None):
            self._fresh[job.id] = job

    def upcoming(self, cost: Callable[[str], float]) -> Iterator[str]:
        """Yield the ids of waiting jobs in the order of their turns; `cost` predicts a job's seconds.

        Looks at no more than what is taken from it.
        """
        return (turn.id for turn in self.order(cost, lambda job: True))

    def order(self, cost: Callable[[str], float], may: Callable[[str], bool]) -> Iterator[Turn]:
        """Yield the turns of the waiting jobs that `may` be claimed; looks at no more than what is taken from it."""
        self._place()
        taken: set[str] = set()
        by_age, by_turn = self._by_age(may, taken), self._by_turn(cost, may, taken)
        passed = self._passed
        while True:
            aged = passed >= EVERY - 1
            job = next(by_age if aged else by_turn, None)
            if job is None:
                return
            taken.add(job)
            yield Turn(job, aged)
            passed = 0 if aged else passed + 1

    def _by_age(self, may: Callable[[str], bool], taken: Container[str]) -> Iterator[str]:
        for entry in self._waiting_of(self._ages):
            if entry.id not in taken and may(entry.id):
                yield entry.id

    def _by_turn(
        self, cost: Callable[[str], float], may: Callable[[str], bool], taken: Container[str]
    ) -> Iterator[str]:
        """Yield the waiting jobs by the smallest start; those that are `taken` by then, or may not be, cost nothing."""
        later: list[tuple[float, _Entry, Iterator[_Entry]]] = []
        heads = filter(self._is_head, _ascending(self._heads))
        head = next(heads, None)
        while head or later:
            if head and (not later or (head.start, head.entry) <= later[0][:2]):
                rest = self._waiting_of(self._lines[head.person].heap)
                start, entry = head.start, next(rest)
                head = next(heads, None)
            else:
                start, entry, rest = heapq.heappop(later)
            if entry.id not in taken and may(entry.id):
                yield entry.id
                start += cost(entry.id)
            following = next(rest, None)
            if following:
                heapq.heappush(later, (start, following, rest))

    def _waiting_of(self, heap: list[_Entry]) -> Iterator[_Entry]:
        return (entry for entry in _ascending(heap) if self._placed.get(entry.id) is entry)

    def _charge(self, line: _Line, seconds: float) -> None:
        start = line.start if line.length else self._begin(line)
        if start > self._clock:
            self._clock = start
        line.start = line.finish = finish = start + seconds
        if finish > self._latest:
            self._latest = finish

    def _begin(self, line: _Line) -> float:
        """Return the start of whoever comes back now."""
        return line.finish if line.finish > self._clock else self._clock

    def _add(self, line: _Line, job: Job, event: JobEvent | None) -> None:
        claim = job.claim
        if claim is not None and type(event) in _GIVEN_BACK and not claim.by_age:
            # An attempt that did not end the job has given the person nothing to pay for.
            line.start -= claim.predicted
            line.finish -= claim.predicted
        if job.id in self._fresh or job.id in self._placed:
            return
        if not line.length:
            line.start = self._begin(line)
        self._fresh[job.id] = job
        line.length += 1

    def _remove(self, line: _Line, job: Job, event: JobEvent | None) -> None:
        claim = job.claim
        if claim is not None and (event is claim or event is None):
            if claim.by_age:
                self._passed = 0
            else:
                self._passed += 1
                self._charge(line, claim.predicted)
        if self._fresh.pop(job.id, None) is None and self._placed.pop(job.id, None) is None:
            return
        line.length -= 1
        if not self._fresh and not self._placed:
            self._clock = max(self._clock, self._latest)

    def _place(self) -> None:
        if not self._moved and not self._fresh:
            return
        for job in self._fresh.values():
            assert job.request is not None, "only jobs with their request have turns"  # noqa: S101
            entry = self._placed[job.id] = _Entry(job.requested, job.partition, job.at, job.id)
            heapq.heappush(self._lines[job.request.person].heap, entry)
            heapq.heappush(self._ages, entry)
            self._moved.add(job.request.person)
        self._fresh.clear()
        self._drop_stale(self._ages, len(self._placed))
        for person in self._moved:
            self._place_head(person, self._lines[person])
        self._moved.clear()

    def _place_head(self, person: str, line: _Line) -> None:
        heap = line.heap
        self._drop_stale(heap, line.length)
        if not heap:
            line.head = None
        elif line.head is None or line.head.start != line.start or line.head.entry is not heap[0]:
            line.head = _Head(line.start, heap[0], person)
            heapq.heappush(self._heads, line.head)
        self._drop_stale_heads()

    def _new_line(self, person: str) -> _Line:
        if len(self._lines) > self._most_lines:
            # Whoever has caught up with the clock comes back as anybody new would.
            self._lines = {
                person: line
                for person, line in self._lines.items()
                if line.length or line.heap or line.finish > self._clock
            }
            self._most_lines = 2 * len(self._lines) + _ROOM
        line = self._lines[person] = _Line()
        return line

    def _drop_stale(self, heap: list[_Entry], useful: int) -> None:
        placed = self._placed
        if len(heap) > 2 * useful + _ROOM:
            heap[:] = [entry for entry in heap if placed.get(entry.id) is entry]
            heapq.heapify(heap)
        while heap and placed.get(heap[0].id) is not heap[0]:
            heapq.heappop(heap)

    def _drop_stale_heads(self) -> None:
        heads, lines = self._heads, self._lines
        if len(heads) > 2 * len(lines) + _ROOM:
            heads[:] = filter(self._is_head, heads)
            heapq.heapify(heads)
        while heads and ((line := lines.get(heads[0].person)) is None or line.head is not heads[0]):
            heapq.heappop(heads)

    def _is_head(self, head: _Head) -> bool:
        line = self._lines.get(head.person)
        return line is not None and line.head is head


def _ascending(heap: list[T]) -> Iterator[T]:
    """Yield a binary heap's items in order without changing it, in O(log k) for the k-th."""
    frontier: list[tuple[T, int]] = [(heap[0], 0)] if heap else []
    while frontier:
        item, index = heapq.heappop(frontier)
        yield item
        for child in (2 * index + 1, 2 * index + 2):
            if child < len(heap):
                heapq.heappush(frontier, (heap[child], child))
