"""One partition of the queue: the fold of its `results`, with its `requests` joined on arrival."""

from collections import deque
from itertools import chain, islice
from typing import NamedTuple

import msgspec

from prompt2pic.core.errors import NewerLog
from prompt2pic.core.events import SUPPORTED_VERSION, Erased, Event, JobEvent, Version
from prompt2pic.core.jobs import TRANSITIONS, Job
from prompt2pic.core.requests import Request

REMEMBERED = 25 * 3600 * 1000  # ms an ended id stays known: an hour longer than a request may be late


class Frontier(NamedTuple):
    """A consistent cut of a partition: two offsets.

    Every job requested before `requests` is over, and no event of any other job stands before `results`.
    """

    requests: int = 0
    results: int = 0


class _Seen(msgspec.Struct, frozen=True, gc=False):
    """A record of `requests`: its offset, when the log took it, the request's id (None: can not be read)."""

    at: int
    timestamp: int
    id: str | None


class Ledger:
    """The state of every job of one partition, a function of the records read so far."""

    def __init__(self, partition: int, frontier: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        self.partition = partition
        self.frontier = frontier
        self.next_request = frontier.requests
        self.next_result = frontier.results
        self.jobs: dict[str, Job] = {}
        self.erased: dict[str, int] = {}
        self.erased_requests: dict[str, int] = {}
        self.repeats = 0
        self._needs = SUPPORTED_VERSION
        self._over: dict[str, int] = {}
        self._seen: deque[_Seen] = deque()
        self._newest = 0
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
        if timestamp > self._newest:
            self._newest = timestamp
        if request is None:
            self._seen.append(_Seen(offset, timestamp, None))
            return None
        id = request.id
        job = self.jobs.get(id)
        if id in self._over or (job is not None and job.request is not None):
            self.repeats += 1
            self._last_repeat[id] = offset
            return None
        if job is None:
            job = self.jobs[id] = Job(id, self.partition, offset)
        job.at, job.request, job.requested = offset, request, timestamp
        self._seen.append(_Seen(offset, timestamp, id))
        if job.end is not None:
            self._settle(job)
        return job

    def apply_event(self, offset: int, timestamp: int, event: Event | None) -> Job | None:
        """Fold one event; return the job that it changed, None where it changed none.

        Raises NewerLog at a `version` record that this program does not know, and stays before it for good.
        """
        if offset < self.next_result:
            return None
        transition = TRANSITIONS.get(type(event))
        if transition is None or self._needs > SUPPORTED_VERSION:
            self._apply_other(offset, event)
            return None
        self.next_result = offset + 1
        told: JobEvent = event  # type: ignore[assignment]  # only a job's events have transitions
        request, at = told.request, told.at
        job = self.jobs.get(request)
        if job is None:
            if at < self.frontier[0] or request in self._over:
                return None
            job = self.jobs[request] = Job(request, self.partition, at)
        if job.first < 0:
            job.first = offset
            self._note_event(at, offset)
        if not transition(job, offset, timestamp, told):
            return None
        if job.end is not None:
            self._settle(job)
        return job

    def hides(self, job: Job) -> bool:
        """Whether the person had this job, or everything up to it, erased."""
        if job.request is None:
            return False
        return job.at < self.erased.get(job.request.person, 0) or job.id in self.erased_requests

    def advance(self, now: int) -> Frontier:
        """Move the frontier as far as it may go at `now` (ms), forgetting what lies before it; return it.

        A reader that lags goes by the newest request it has read: repeats may stand behind that one.
        """
        self._forget(*self._cut(min(now, self._newest) - REMEMBERED))
        while self._first_events and self._first_events[0][0] < self.frontier.requests:
            self._first_events.popleft()
        first = self._first_events[0][1] if self._first_events else self.next_result
        self.frontier = Frontier(self.frontier.requests, first)
        return self.frontier

    def _apply_other(self, offset: int, event: Event | None) -> None:
        if isinstance(event, Version):
            self._needs = max(self._needs, event.needs)
        if self._needs > SUPPORTED_VERSION:
            raise NewerLog("log-newer", needs=self._needs, supported=SUPPORTED_VERSION)
        self.next_result = offset + 1
        if isinstance(event, Erased):
            self._erase(offset, event)

    def _erase(self, offset: int, event: Erased) -> None:
        if event.request is None:
            self.erased[event.person] = max(event.upto, self.erased.get(event.person, 0))
        else:
            self.erased_requests[event.request] = event.upto
        self._note_event(event.upto - 1, offset)

    def _settle(self, job: Job) -> None:
        # A job whose request is still unread stays whole: its reader will want both.
        if job.over and job.request is not None:
            del self.jobs[job.id]
            self._over[job.id] = job.at

    def _note_event(self, at: int, offset: int) -> None:
        # Offsets of events only grow, so an entry answers for every frontier up to its `at`
        # that no earlier entry answers for: a queue of growing `at` is a minimum over every suffix.
        if not self._first_events or at > self._first_events[-1][0]:
            self._first_events.append((at, offset))

    def _cut(self, before: int) -> tuple[int, int]:
        """Return how many of the oldest requests may be forgotten, and the offset after them.

        They are over, old, and not repeated later; of those that can not be read age alone is known.
        """
        cut, last_repeat = (0, self.frontier.requests), -1
        following = chain((seen.at for seen in islice(self._seen, 1, None)), (self.next_request,))
        for count, (seen, after) in enumerate(zip(self._seen, following, strict=False), 1):
            if seen.timestamp >= before or not (seen.id is None or seen.id in self._over):
                break
            last_repeat = max(last_repeat, self._last_repeat.get(seen.id or "", -1))
            if last_repeat < after:
                cut = (count, after)
        return cut

    def _forget(self, count: int, requests: int) -> None:
        if not count:
            return
        for _ in range(count):
            seen = self._seen.popleft()
            if seen.id is not None:
                del self._over[seen.id]
                self._last_repeat.pop(seen.id, None)
        self.frontier = Frontier(requests, self.frontier.results)
        self.erased = {person: upto for person, upto in self.erased.items() if upto > requests}
        self.erased_requests = {id: upto for id, upto in self.erased_requests.items() if upto > requests}
        # Events of requests that could not be read leave jobs that nobody will ever ask for.
        self.jobs = {id: job for id, job in self.jobs.items() if job.at >= requests}
