"""Whose turn it is: round robin between people by predicted seconds, then first come first served.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): a person's next job starts, on a virtual clock,
when their last one ended or when they came back, whichever is later; the smallest start goes first.
The clock shows the start of the job taken last, and once nobody waits the latest end of any.
"""

import heapq
from collections.abc import Callable, Iterator
from types import NoneType
from typing import TypeVar

import msgspec

from prompt2pic.core.events import Cancelled, Claimed, Expired, Failed, JobEvent, Released
from prompt2pic.core.jobs import Job

T = TypeVar("T")

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


class _Line:
    """One person's waiting jobs; entries of jobs that wait no more are dropped when they reach the top."""

    __slots__ = ("finish", "head", "heap", "length", "start")

    def __init__(self) -> None:
        self.start = 0.0
        self.finish = 0.0
        self.heap: list[_Entry] = []
        self.head: _Head | None = None
        self.length = 0


class Turns:
    """The order in which waiting jobs come; kept up with each change of a job in logarithmic time.

    Accounts are kept at once, the order only once somebody asks for it: most jobs come and go in between.
    """

    def __init__(self) -> None:
        self._clock = 0.0
        self._latest = 0.0
        self._most_lines = _ROOM
        self._lines: dict[str, _Line] = {}
        self._waiting: dict[str, _Entry | None] = {}
        self._fresh: dict[str, Job] = {}
        self._moved: set[str] = set()
        self._heads: list[_Head] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def waiting_of(self, person: str) -> int:
        """Return how many jobs of a person wait."""
        line = self._lines.get(person)
        return line.length if line else 0

    def oldest(self) -> int | None:
        """Return when (ms) the job that waits longest was requested, None where none waits."""
        self._place()
        return min((line.head.entry.requested for line in self._lines.values() if line.head), default=None)

    def changed(self, job: Job, event: JobEvent | None) -> None:
        """Take in a job that an event has changed; None stands for the arrival of its request."""
        if type(event) not in TURNING or job.request is None:
            return
        person = job.request.person
        line = self._lines.get(person)
        if line is None:
            line = self._new_line(person)
        if job.claim is not None:
            self._settle_account(line, job, event)
        if job.state == "waiting":
            self._add(line, job)
        else:
            self._remove(line, job.id)
        if line.heap:
            self._moved.add(person)

    def upcoming(self, cost: Callable[[str], float]) -> Iterator[str]:
        """Yield the ids of waiting jobs in the order of their turns; `cost` predicts a job's seconds.

        Looks at no more than what is taken from it.
        """
        self._place()
        later: list[tuple[float, _Entry, Iterator[_Entry]]] = []
        heads = filter(self._is_head, _ascending(self._heads))
        head = next(heads, None)
        while head or later:
            if head and (not later or (head.start, head.entry) <= later[0][:2]):
                rest = self._entries(self._lines[head.person])
                start, entry = head.start, next(rest)
                head = next(heads, None)
            else:
                start, entry, rest = heapq.heappop(later)
            yield entry.id
            following = next(rest, None)
            if following:
                heapq.heappush(later, (start + cost(entry.id), following, rest))

    def _entries(self, line: _Line) -> Iterator[_Entry]:
        return (entry for entry in _ascending(line.heap) if self._waiting.get(entry.id) is entry)

    def _settle_account(self, line: _Line, job: Job, event: JobEvent | None) -> None:
        assert job.claim is not None, "only claims are charged"  # noqa: S101
        if job.state != "waiting" and (event is None or type(event) is Claimed):
            self._charge(line, job.claim.predicted)
        elif job.end is None and type(event) in _GIVEN_BACK:
            # An attempt that did not end the job has given the person nothing to pay for.
            line.start -= job.claim.predicted
            line.finish -= job.claim.predicted

    def _charge(self, line: _Line, seconds: float) -> None:
        start = line.start if line.length else max(self._clock, line.finish)
        self._clock = max(self._clock, start)
        line.start = line.finish = start + seconds
        self._latest = max(self._latest, line.finish)

    def _add(self, line: _Line, job: Job) -> None:
        if job.id in self._waiting:
            return
        if not line.length:
            line.start = max(self._clock, line.finish)
        self._waiting[job.id] = None
        self._fresh[job.id] = job
        line.length += 1

    def _remove(self, line: _Line, job: str) -> None:
        if job not in self._waiting:
            return
        del self._waiting[job]
        self._fresh.pop(job, None)
        line.length -= 1
        if not self._waiting:
            self._clock = max(self._clock, self._latest)

    def _place(self) -> None:
        for job in self._fresh.values():
            assert job.request is not None, "only jobs with their request have turns"  # noqa: S101
            entry = self._waiting[job.id] = _Entry(job.requested, job.partition, job.at, job.id)
            heapq.heappush(self._lines[job.request.person].heap, entry)
            self._moved.add(job.request.person)
        self._fresh.clear()
        for person in self._moved:
            self._place_head(person, self._lines[person])
        self._moved.clear()

    def _place_head(self, person: str, line: _Line) -> None:
        heap, waiting = line.heap, self._waiting
        if len(heap) > 2 * line.length + _ROOM:
            heap[:] = [entry for entry in heap if waiting.get(entry.id) is entry]
            heapq.heapify(heap)
        while heap and waiting.get(heap[0].id) is not heap[0]:
            heapq.heappop(heap)
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
