"""What each person asked for and got: the gallery, and the answers about jobs that are over."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Protocol

from prompt2pic.core.events import JobEvent
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.queue import Queue


class Shelf(Protocol):
    """Where a history puts the jobs that lie before the frontier; complete up to the frontiers it was given."""

    def put(self, jobs: Iterable[Job], frontiers: Mapping[int, Frontier]) -> None:
        """Store jobs, and that everything before these frontiers is stored."""

    def job(self, request: str) -> Job | None:
        """Return a job by its id, None where it is not here."""

    def of(self, person: str, partition: int) -> Iterator[Job]:
        """Iterate over a person's jobs of a partition, newest first."""

    def drop(self, request: str) -> None:
        """Delete a job that was erased."""


class History:
    """Every job a reader has come across, by id and by person, without those that were erased.

    With a `shelf` those that are over and old lie there, without one all of them are in memory.
    """

    def __init__(self, queue: Queue, shelf: Shelf | None = None) -> None:
        self._jobs: dict[str, Job] = {}
        self._of: dict[str, dict[str, None]] = {}
        self._hidden: set[str] = set()
        self._queue = queue
        self._shelf = shelf
        queue.listeners.append(self._changed)
        queue.erasures.append(self._erased)

    def job(self, request: str, person: str | None = None) -> Job | None:
        """Return a job, None where it is unknown, erased or (with `person`) somebody else's."""
        job = self._jobs.get(request)
        if job is None and self._shelf is not None:
            job = self._shelf.job(request)
        if job is None or job.request is None or (person is not None and job.request.person != person):
            return None
        return job

    def starting_with(self, request: str) -> list[Job]:
        """Return the jobs whose id is, or begins with, what was given."""
        whole = self.job(request)
        if whole is not None:
            return [whole]
        return [job for job in self._jobs.values() if request and job.id.startswith(request)]

    def of(self, person: str) -> Iterator[Job]:
        """Iterate over a person's jobs, newest first; in the order of the log within a partition, as clocks jump."""
        young: dict[int, list[Job]] = {partition: [] for partition in self._queue.ledgers}
        for request in reversed(self._of.get(person, {})):
            young[self._jobs[request].partition].append(self._jobs[request])
        lines = [chain(line, self._shelved(person, partition)) for partition, line in young.items()]
        return heapq.merge(*lines, key=lambda job: -job.requested)

    def _shelved(self, person: str, partition: int) -> Iterator[Job]:
        return iter(()) if self._shelf is None else self._shelf.of(person, partition)

    def shelve(self, frontiers: Mapping[int, Frontier]) -> None:
        """Put the jobs that lie before these frontiers onto the shelf."""
        if self._shelf is None:
            return
        old = [job for job in self._jobs.values() if job.at < frontiers[job.partition].requests]
        self._shelf.put(old, frontiers)
        for job in old:
            self._forget(job)

    def erased(self, request: str) -> bool:
        """Whether a request was read and is erased, so that its pictures have to go."""
        return request in self._hidden

    def counted(self, request: str, attempt: str) -> bool | None:
        """Whether an attempt's pictures are the job's; None while that is open or not known."""
        job = self._jobs.get(request)
        if job is None or job.end is None:
            return None
        return job.state == "finished" and job.claim is not None and job.claim.attempt == attempt

    def _changed(self, job: Job, event: JobEvent | None) -> None:
        if event is not None or job.request is None:
            return
        if self._is_hidden(job):
            self._hidden.add(job.id)
            return
        self._jobs[job.id] = job
        self._of.setdefault(job.request.person, {})[job.id] = None

    def _is_hidden(self, job: Job) -> bool:
        return self._queue.ledgers[job.partition].hides(job)

    def _erased(self, person: str) -> None:
        for job in [job for job in self.of(person) if self._is_hidden(job)]:
            self._hidden.add(job.id)
            if job.id in self._jobs:
                self._forget(job)
            elif self._shelf is not None:
                self._shelf.drop(job.id)

    def _forget(self, job: Job) -> None:
        del self._jobs[job.id]
        if job.request is not None:
            mine = self._of[job.request.person]
            del mine[job.id]
            if not mine:
                del self._of[job.request.person]
