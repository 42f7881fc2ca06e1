"""One partition of the queue: the fold of its `results`, with its `requests` joined on arrival."""

from collections import deque
from collections.abc import Iterable
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

import msgspec

from prompt2pic.core.errors import NewerLog
from prompt2pic.core.events import SUPPORTED_VERSION, Erased, Event, JobEvent, Version
from prompt2pic.core.jobs import TRANSITIONS, Job
from prompt2pic.core.requests import Request

REMEMBERED = 25 * 3600 * 1000  # ms an ended id stays known: an hour longer than a request may be late

SKEW = 60_000  # ms that the log's clock may be ahead of a reader's without being wrong


class Frontier(NamedTuple):
    """A consistent cut of a partition: two offsets, and the number of partitions that was `Grown` to before it.

    Every job requested before `requests` is over, and no event of any other job stands before `results`.
    """

    requests: int = 0
    results: int = 0
    number: int = 1


class _Seen(msgspec.Struct, frozen=True, gc=False):
    """A record of `requests`: its offset, when the log took it, the request's id (None: can not be read)."""

    at: int
    timestamp: int
    id: str | None


_stamp = attrgetter("timestamp")


class _First(msgspec.Struct, frozen=True, gc=False):
    """No event of a request after offset `at` stands before `offset`, or an earlier entry says so."""

    at: int
    offset: int


class Ledger:
    """The state of every job of one partition, a function of the records read so far.

    `number` is the greatest number of partitions that was `Grown` to here, 1 before any was.
    """

    def __init__(self, partition: int, frontier: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        self.partition = partition
        self.frontier = frontier
        self.next_request = frontier.requests
        self.next_result = frontier.results
        self.number = frontier.number
        self.jobs: dict[str, Job] = {}
        self.erased: dict[str, int] = {}
        self.erased_requests: dict[str, int] = {}
        self.repeats = 0
        self._needs = SUPPORTED_VERSION
        self._over: dict[str, int] = {}
        self._seen: deque[_Seen] = deque()
        self._newest = 0
        self._went_back = False
        self._dated = False
        self._ahead, self._ahead_since = 0, 0
        self._last_repeat: dict[str, int] = {}
        self._first_events: deque[_First] = deque()
        self._growths: deque[tuple[int, int]] = deque()

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
        elif timestamp < self._newest - SKEW:
            self._went_back = True
        if request is None or request.partitions < self.number:
            self._seen.append(_Seen(offset, timestamp, None))
            return None
        id = request.id
        job = self.jobs.get(id)
        if job is None and id not in self._over:
            job = self.jobs[id] = Job(id, self.partition, offset, request, timestamp)
        elif job is not None and job.request is None:
            job.at, job.request, job.requested = offset, request, timestamp
            self._settle(job)
        else:
            self.repeats += 1
            self._last_repeat[id] = offset
            return None
        self._seen.append(_Seen(offset, timestamp, id))
        return job

    def grow(self, offset: int, number: int) -> None:
        """Let no request behind this offset count whose partition was chosen of fewer than `number`."""
        if number > self.number:
            self.number = number
            self._growths.append((offset, number))

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
        request = told.request
        job = self.jobs.get(request)
        if job is None:
            if told.at < self.frontier[0] or request in self._over:
                return None
            job = self.jobs[request] = Job(request, self.partition, told.at)
        if job.first < 0:
            job.first = offset
            self._note_event(told.at, offset)
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
        if self._is_wrong(now):
            times = self._times(now)
            self._forget(*self._cut(times, min(now, times[-1] if times else 0) - REMEMBERED))
        else:
            stamps = map(_stamp, self._seen)
            self._forget(*self._cut(stamps, min(now, self._newest) - REMEMBERED))
        while self._first_events and self._first_events[0].at < self.frontier.requests:
            self._first_events.popleft()
        first = self._first_events[0].offset if self._first_events else self.next_result
        requests, _, number = self.frontier
        while self._growths and self._growths[0][0] < requests:
            number = self._growths.popleft()[1]
        self.frontier = Frontier(requests, first, number)
        return self.frontier

    def _apply_other(self, offset: int, event: Event | None) -> None:
        if isinstance(event, Version):
            self._needs = max(self._needs, event.needs)
        if self._needs > SUPPORTED_VERSION:
            raise NewerLog("log-newer", needs=self._needs, supported=SUPPORTED_VERSION)
        self.next_result = offset + 1
        if isinstance(event, Erased):
            self._erase(offset, event)

    def put_right(self, now: int) -> list[Job]:
        """Date the open jobs by what the times of their requests can be at `now` (ms); return those that changed.

        The log's stamps stay known: it may be the clock of `now` that is wrong.
        """
        wrong = self._is_wrong(now)
        if not wrong and not self._dated:
            return []
        self._dated = wrong
        changed = []
        for seen, time in zip(self._seen, self._times(now), strict=True):
            job = self.jobs.get(seen.id or "")
            if job is not None and job.requested != time:
                job.requested = time
                changed.append(job)
        return changed

    def _is_wrong(self, now: int) -> bool:
        return self._went_back or self._newest > now + SKEW

    def _times(self, now: int) -> list[int]:
        """Return when the requests may have been made, as clocks jump.

        A stamp that is yet to come counts as the next one's, or as when it was first looked at; then one that is
        earlier than another before it counts as that.
        """
        stamps = [seen.timestamp for seen in self._seen]
        self._went_back = any(
            time < most - SKEW for time, most in zip(stamps, accumulate(stamps, max), strict=True)
        )
        self._newest = max(stamps, default=0)
        if self._newest > now + SKEW and self._ahead != self.next_request:
            self._ahead, self._ahead_since = self.next_request, now
        following, times = min(now, self._ahead_since), []
        for stamp in reversed(stamps):
            following = stamp if stamp <= now + SKEW else following
            times.append(following)
        return list(accumulate(reversed(times), max))

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
        if not self._first_events or at > self._first_events[-1].at:
            self._first_events.append(_First(at, offset))

    def _cut(self, times: Iterable[int], before: int) -> tuple[int, int]:
        """Return how many of the oldest requests may be forgotten, and the offset after them.

        They are over, old, and not repeated later; of those that can not be read age alone is known.
        """
        over, repeated = self._over, self._last_repeat
        count, cut, last_repeat = 0, (0, self.frontier.requests), -1
        for seen, time in zip(self._seen, times, strict=True):
            id = seen.id
            if time >= before or not (id in over or id is None):
                return (count, seen.at) if last_repeat < seen.at else cut
            if id in repeated:
                cut = (count, seen.at) if last_repeat < seen.at else cut
                last_repeat = max(last_repeat, repeated[id])
            count += 1
        return count, self.next_request

    def _forget(self, count: int, requests: int) -> None:
        if not count:
            return
        over, repeated, oldest = self._over, self._last_repeat, self._seen.popleft
        for _ in range(count):
            id = oldest().id
            if id is not None:
                del over[id]
                if id in repeated:
                    del repeated[id]
        self.frontier = self.frontier._replace(requests=requests)
        self.erased = {person: upto for person, upto in self.erased.items() if upto > requests}
        self.erased_requests = {id: upto for id, upto in self.erased_requests.items() if upto > requests}
        # Events of requests that could not be read leave jobs that nobody will ever ask for.
        self.jobs = {id: job for id, job in self.jobs.items() if job.at >= requests}
