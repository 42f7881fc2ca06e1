"""The queue: the state of every job, folded from the log; a projection that nobody stores."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from prompt2pic.core.events import Erased, JobEvent, decode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier, Ledger
from prompt2pic.core.ports import Record
from prompt2pic.core.requests import decode_request
from prompt2pic.core.schedule import TURNING, Turns
from prompt2pic.core.tally import DayTally

REQUESTS, RESULTS = "requests", "results"

Listener: TypeAlias = Callable[[Job, JobEvent | None], None]


class Queue:
    """All partitions together, and the order of turns over them.

    `listeners` hear of each job that a record changed, with the event, or None where its request arrived;
    `endings` only of the events that end a job.
    """

    def __init__(self, frontiers: Mapping[int, Frontier]) -> None:
        self.ledgers = {partition: Ledger(partition, frontier) for partition, frontier in frontiers.items()}
        self.turns = Turns()
        self.tally = DayTally()
        self.listeners: list[Listener] = []
        self.endings: list[Listener] = []
        self.erasures: list[Callable[[str], None]] = []
        self.folded = 0
        self.undecodable = 0
        self._held: dict[str, Job] = {}

    def apply(self, record: Record) -> None:
        """Fold one record of `requests` or `results`; a record read before changes nothing.

        Raises NewerLog where this program is too old for the partition.
        """
        (topic, partition), offset, _, value, timestamp = record
        self.folded += 1
        ledger = self.ledgers[partition]
        if topic == REQUESTS:
            request = decode_request(value)
            job = ledger.apply_request(offset, timestamp, request)
            if request is None:
                self.undecodable += 1
            elif job is not None:
                self.tally.add(request.person, timestamp, request.count)
                self._changed(job, None)
            return
        event = decode_event(value)
        job = ledger.apply_event(offset, timestamp, event)
        if job is not None:
            self._changed(job, event)  # type: ignore[arg-type]  # only job events change a job
        elif event is None:
            self.undecodable += 1
        elif type(event) is Erased:
            for hear in self.erasures:
                hear(event.person)

    def job(self, request: str) -> Job | None:
        """Return a job that is open, None where it is over or unknown."""
        for ledger in self.ledgers.values():
            if request in ledger.jobs:
                return ledger.jobs[request]
        return None

    def known(self, request: str) -> bool:
        """Whether this id was seen within the time that ids are remembered."""
        return any(ledger.known(request) for ledger in self.ledgers.values())

    def open_jobs(self) -> Iterator[Job]:
        """Iterate over the jobs that are not over."""
        for ledger in self.ledgers.values():
            yield from ledger.jobs.values()

    def held(self) -> Iterator[Job]:
        """Iterate over the jobs that a worker holds."""
        return iter(self._held.values())

    def upcoming(self, cost: Callable[[Job], float]) -> Iterator[Job]:
        """Yield the waiting jobs in the order of their turns, lazily."""
        jobs: dict[str, Job] = {}

        def seconds(request: str) -> float:
            return cost(jobs[request])

        for request in self.turns.upcoming(seconds):
            job = self.job(request)
            if job is not None:
                jobs[request] = job
                yield job

    def advance(self, now: int) -> dict[int, Frontier]:
        """Move every partition's frontier as far as it may go at `now` (ms) and return them."""
        self.tally.forget(now)
        frontiers = {partition: ledger.advance(now) for partition, ledger in self.ledgers.items()}
        self._held = {request: job for request, job in self._held.items() if self.job(request) is job}
        return frontiers

    def _changed(self, job: Job, event: JobEvent | None) -> None:
        if type(event) in TURNING:
            self.turns.changed(job, event)
            if job.token is not None:
                self._held[job.id] = job
        if job.token is None:
            self._held.pop(job.id, None)
            if event is not None and job.end is event:
                for hear in self.endings:
                    hear(job, event)
        for hear in self.listeners:
            hear(job, event)
