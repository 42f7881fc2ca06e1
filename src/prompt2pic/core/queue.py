"""The queue: the state of every job, folded from the log; a projection that nobody stores."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from prompt2pic.core.events import Erased, Event, JobEvent, read_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier, Ledger
from prompt2pic.core.ports import Record
from prompt2pic.core.records import UNREADABLE
from prompt2pic.core.requests import decode_grown, decode_request
from prompt2pic.core.schedule import TURNING, Turns
from prompt2pic.core.tally import DayTally

REQUESTS, RESULTS = "requests", "results"

Listener: TypeAlias = Callable[[Job, JobEvent | None], None]


class Offer(NamedTuple):
    """A waiting job, and whether it comes by age."""

    job: Job
    by_age: bool


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

    def apply(self, *records: Record) -> None:
        """Fold records of `requests` and `results`; one that was read before changes nothing.

        Raises NewerLog where this program is too old for the partition.
        """
        ledgers, held, listeners = self.ledgers, self._held, self.listeners
        for (topic, partition), offset, _, value, timestamp in records:
            event: Event | None
            if topic == REQUESTS:
                event, request = None, decode_request(value)
                job = ledgers[partition].apply_request(offset, timestamp, request)
                if request is None:
                    self._apply_other(ledgers[partition], offset, value)
                elif job is not None:
                    self.tally.add(request.person, timestamp, request.count)
            else:
                try:
                    event = read_event(value)
                except UNREADABLE:
                    event = None
                job = ledgers[partition].apply_event(offset, timestamp, event)
                if job is None:
                    self._note(event)
            if job is None:
                continue
            told: JobEvent | None = event  # type: ignore[assignment]  # only a job's events change one
            if type(event) in TURNING:
                self.turns.changed(job, told)
                if job.token is not None:
                    held[job.id] = job
            if job.token is None:
                held.pop(job.id, None)
                if event is not None and job.end is event:
                    for hear in self.endings:
                        hear(job, told)
            for hear in listeners:
                hear(job, told)
        self.folded += len(records)

    def follow(self, frontiers: Mapping[int, Frontier]) -> None:
        """Take in partitions that are new, each from its frontier on."""
        new = {n: Ledger(n, frontier) for n, frontier in frontiers.items() if n not in self.ledgers}
        self.ledgers.update(new)

    def grown(self) -> int:
        """Return the greatest number of partitions that was grown to, in whichever of them."""
        return max(ledger.number for ledger in self.ledgers.values())

    def lacking(self, number: int) -> list[int]:
        """Return the partitions in which `number` was not grown to yet, as far as was read.

        Once there are none, every request that was placed in fewer partitions has been read, or will not count.
        """
        ledgers = self.ledgers
        few = range(number) if number > 1 else ()
        return [n for n in few if n not in ledgers or ledgers[n].number < number]

    def where(self, request: str) -> int | None:
        """Return the partition in which an id was seen within the time that ids are remembered."""
        return next((n for n, ledger in self.ledgers.items() if ledger.known(request)), None)

    def job(self, request: str) -> Job | None:
        """Return a job that is open, None where it is over or unknown."""
        for ledger in self.ledgers.values():
            if request in ledger.jobs:
                return ledger.jobs[request]
        return None

    def known(self, request: str) -> bool:
        """Whether this id was seen within the time that ids are remembered."""
        return self.where(request) is not None

    def open_jobs(self) -> Iterator[Job]:
        """Iterate over the jobs that are not over."""
        for ledger in self.ledgers.values():
            yield from ledger.jobs.values()

    def held(self) -> Iterator[Job]:
        """Iterate over the jobs that a worker holds."""
        return iter(self._held.values())

    def upcoming(self, cost: Callable[[Job], float]) -> Iterator[Job]:
        """Yield the waiting jobs in the order of their turns, lazily."""
        return (offer.job for offer in self.order(cost, lambda job: True))

    def order(self, cost: Callable[[Job], float], may: Callable[[Job], bool]) -> Iterator[Offer]:
        """Yield the waiting jobs that `may` be claimed in the order of their turns, lazily."""
        jobs: dict[str, Job] = {}

        def known(request: str) -> bool:
            job = self.job(request)
            if job is None or not may(job):
                return False
            jobs[request] = job
            return True

        for request, by_age in self.turns.order(lambda request: cost(jobs[request]), known):
            yield Offer(jobs[request], by_age)

    def put_right(self, now: int) -> None:
        """Put right the times of requests that can not be at `now` (ms): the log's clock was wrong."""
        for ledger in self.ledgers.values():
            for job in ledger.put_right(now):
                self.turns.dated(job)

    def advance(self, now: int) -> dict[int, Frontier]:
        """Move every partition's frontier as far as it may go at `now` (ms) and return them."""
        self.tally.forget(now)
        self.put_right(now)
        frontiers = {partition: ledger.advance(now) for partition, ledger in self.ledgers.items()}
        self._held = {request: job for request, job in self._held.items() if self.job(request) is job}
        return frontiers

    def _note(self, event: Event | None) -> None:
        """Take in an event that changed no job."""
        if event is None:
            self.undecodable += 1
        elif isinstance(event, Erased):
            for forget in self.erasures:
                forget(event.person)

    def _apply_other(self, ledger: Ledger, offset: int, value: bytes) -> None:
        grown = decode_grown(value)
        if grown is None:
            self.undecodable += 1
        else:
            ledger.grow(offset, grown.number)
