"""One partition of the queue: the fold of its `results`, with its `requests` joined on arrival."""

from collections import deque
from typing import NamedTuple

from prompt2pic.core.errors import NewerLog
from prompt2pic.core.events import SUPPORTED_VERSION, Erased, Event, JobEvent, Version
from prompt2pic.core.jobs import Job, apply
from prompt2pic.core.requests import Request

REMEMBERED = 25 * 3600 * 1000  # ms an ended id stays known: an hour longer than a request may be late


class Frontier(NamedTuple):
    """A consistent cut of a partition: two offsets.

    Every job requested before `requests` is over, and no event of any other job stands before `results`.
    """

    requests: int = 0
    results: int = 0


class _Seen(NamedTuple):
    """A request that was read: its offset, when the log took it, its id."""

    at: int
    timestamp: int
    id: str


class Ledger:
    """The state of every job of one partition, a function of the records read so far."""

    def __init__(self, partition: int, frontier: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        self.partition = partition
        self.frontier = frontier
        self.next_request = frontier.requests
        self.next_result = frontier.results
        self.jobs: dict[str, Job] = {}
        self.erased: dict[str, int] = {}
        self.repeats = 0
        self._over: dict[str, int] = {}
        self._seen: deque[_Seen] = deque()
        self._last_repeat: dict[str, int] = {}
        self._first_events: deque[tuple[int, int]] = deque()

    def known(self, request: str) -> bool:
        """Whether this id was seen, open or ended within the time that ids are remembered."""
        return request in self.jobs or request in self._over

    def apply_request(self, offset: int, timestamp: int, request: Request | None) -> Job | None:
        """Join a request to its job; return the job where it is new to the queue or waited for its body."""
        if offset < self.next_request:
            return None
        self.next_request = offset + 1
        return None if request is None else self._join(offset, timestamp, request)

    def apply_event(self, offset: int, timestamp: int, event: Event | None) -> Job | None:
        """Fold one event; return the job that it changed, None where it changed none.

        Raises NewerLog at a `version` record that this program does not know, and stays before it.
        """
        if offset < self.next_result:
            return None
        if isinstance(event, Version) and event.needs > SUPPORTED_VERSION:
            raise NewerLog("log-newer", needs=event.needs, supported=SUPPORTED_VERSION)
        self.next_result = offset + 1
        if event is None or isinstance(event, Version):
            return None
        if isinstance(event, Erased):
            self.erased[event.person] = max(event.upto, self.erased.get(event.person, 0))
            return None
        return self._fold(offset, timestamp, event)

    def hides(self, job: Job) -> bool:
        """Whether the person had everything up to this job erased."""
        return job.request is not None and job.at < self.erased.get(job.request.person, 0)

    def advance(self, now: int) -> Frontier:
        """Move the frontier as far as it may go at `now` (ms), forgetting what lies before it; return it."""
        self._forget(self._cut(now - REMEMBERED))
        while self._first_events and self._first_events[0][0] < self.frontier.requests:
            self._first_events.popleft()
        first = self._first_events[0][1] if self._first_events else self.next_result
        self.frontier = Frontier(self.frontier.requests, first)
        return self.frontier

    def _join(self, offset: int, timestamp: int, request: Request) -> Job | None:
        job = self.jobs.get(request.id)
        if request.id in self._over or (job is not None and job.request is not None):
            self.repeats += 1
            self._last_repeat[request.id] = offset
            return None
        if job is None:
            job = self.jobs[request.id] = Job(request.id, self.partition, offset)
        job.at, job.request, job.requested = offset, request, timestamp
        self._seen.append(_Seen(offset, timestamp, request.id))
        self._settle(job)
        return job

    def _fold(self, offset: int, timestamp: int, event: JobEvent) -> Job | None:
        if event.at < self.frontier.requests or event.request in self._over:
            return None
        job = self.jobs.get(event.request)
        if job is None:
            job = self.jobs[event.request] = Job(event.request, self.partition, event.at)
        if job.first < 0:
            job.first = offset
            self._note_first_event(event.at, offset)
        if not apply(job, offset, timestamp, event):
            return None
        self._settle(job)
        return job

    def _settle(self, job: Job) -> None:
        # A job whose request is still unread stays whole: its reader will want both.
        if job.over and job.request is not None:
            del self.jobs[job.id]
            self._over[job.id] = job.at

    def _note_first_event(self, at: int, offset: int) -> None:
        # Offsets of events only grow, so an entry answers for every frontier up to its `at`
        # that no earlier entry answers for: a queue of growing `at` is a minimum over every suffix.
        if not self._first_events or at > self._first_events[-1][0]:
            self._first_events.append((at, offset))

    def _cut(self, before: int) -> int:
        """Return how many of the oldest requests may be forgotten: over, old, and not repeated later."""
        cut, last_repeat = 0, -1
        for index, seen in enumerate(self._seen):
            if seen.id not in self._over or seen.timestamp >= before:
                break
            last_repeat = max(last_repeat, self._last_repeat.get(seen.id, -1))
            if last_repeat < self._offset_after(index):
                cut = index + 1
        return cut

    def _offset_after(self, index: int) -> int:
        return self._seen[index + 1].at if index + 1 < len(self._seen) else self.next_request

    def _forget(self, cut: int) -> None:
        if not cut:
            return
        requests = self._offset_after(cut - 1)
        for _ in range(cut):
            seen = self._seen.popleft()
            del self._over[seen.id]
            self._last_repeat.pop(seen.id, None)
        self.frontier = Frontier(requests, self.frontier.results)
        self.erased = {person: upto for person, upto in self.erased.items() if upto > requests}
