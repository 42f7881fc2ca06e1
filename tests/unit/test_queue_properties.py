"""Any history of the log, read in any way: readers agree, no job is lost, none is held or ended twice."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.events import (
    Announced,
    Claimed,
    Delivered,
    Expired,
    Failed,
    JobEvent,
    Released,
    Token,
    decode_event,
)
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier, Ledger
from prompt2pic.core.ports import Record
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.requests import decode_request
from tests.unit.histories import DAY, History, histories, reading, seeds, state, thorough


class Witness:
    """A reader's queue, with every job that it ever heard of."""

    def __init__(self, frontier: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        self.queue = Queue({0: frontier})
        self.queue.listeners.append(self._heard)
        self.heard: dict[str, Job] = {}
        self.arrivals: list[str] = []
        self.counted: list[tuple[str, int, JobEvent]] = []
        self._offset = -1

    @property
    def ledger(self) -> Ledger:
        return self.queue.ledgers[0]

    def read(self, record: Record) -> None:
        self._offset = record.offset
        self.queue.apply(record)

    def known_jobs(self) -> dict[str, Job]:
        """Return every job, open or over, that changed or is open."""
        return self.heard | self.ledger.jobs

    def _heard(self, job: Job, event: JobEvent | None) -> None:
        self.heard[job.id] = job
        if event is None:
            self.arrivals.append(job.id)
        else:
            self.counted.append((job.id, self._offset, event))


def seen(witness: Witness) -> dict[str, Any]:
    """Return all that one reader must have in common with another."""
    queue = witness.queue
    return {
        "jobs": copy.deepcopy(witness.known_jobs()),
        "open": {job.id for job in queue.open_jobs()},
        "held": {job.id for job in queue.held()},
        "waiting": set(queue.turns.upcoming(lambda request: 1.0)),
        "of each": {person: queue.turns.waiting_of(person) for person in ("p0", "p1")},
        "asked": {person: queue.tally.pictures(person, 0) for person in ("p0", "p1")},
        "hidden": {job.id for job in witness.known_jobs().values() if witness.ledger.hides(job)},
        "read": (witness.ledger.next_request, witness.ledger.next_result),
        "repeats": witness.ledger.repeats,
        "unreadable": queue.undecodable,
    }


def prefix(history: History, requests: int, results: int) -> list[Record]:
    """Return the history as far as each topic was read."""
    lengths = {REQUESTS: requests, RESULTS: results}
    return [record for record in history.records if record.offset < lengths[record.place.topic]]


@thorough
@given(histories, st.integers(0, 50), st.integers(0, 50), seeds, seeds)
def test_readers_of_the_same_prefix_agree(h: History, requests: int, results: int, a: int, b: int) -> None:
    """However far each topic was read and in whatever order: every job is the same to every reader."""
    readers = []
    for seed in (a, b):
        witness = Witness()
        for record in reading(prefix(h, requests, results), seed, again=0.0):
            witness.read(record)
        readers.append(seen(witness))
    assert readers[0] == readers[1]


@thorough
@given(histories, seeds)
def test_a_record_read_twice_changes_nothing(history: History, seed: int) -> None:
    """What is fetched again after an error is known, at the offset where it was."""
    once, twice = Witness(), Witness()
    for record in reading(history.records, seed, again=0.0):
        once.read(record)
    for record in reading(history.records, seed, again=0.9):
        twice.read(record)
    assert seen(once) | {"unreadable": 0} == seen(twice) | {"unreadable": 0}


@thorough
@given(histories, st.integers(0, 50), seeds)
def test_results_alone_are_the_ledger(history: History, requests: int, seed: int) -> None:
    """The state of a job never depends on how far `requests` was read, if it was read at all."""
    alone, ahead = Witness(), Witness()
    for record in history.of(RESULTS):
        alone.read(record)
    for record in reading(prefix(history, requests, len(history.records)), seed):
        ahead.read(record)
    jobs = ahead.known_jobs()
    for job in alone.ledger.jobs.values():
        assert job.id in jobs, "a record is kept even while its request is unread"
        assert state(jobs[job.id]) == state(job)


@thorough
@given(histories, seeds)
def test_no_job_has_two_holders_and_none_ends_twice(history: History, seed: int) -> None:
    """Of the records that count, a claim finds no holder, the rest come from it, and the first end is the last."""
    witness = Witness()
    for record in reading(history.records, seed):
        witness.read(record)
    holders: dict[str, Token] = {}
    ends: dict[str, JobEvent] = {}
    for name, offset, event in witness.counted:
        if isinstance(event, Announced | Delivered):
            continue
        assert name not in ends
        if isinstance(event, Claimed):
            assert name not in holders
            holders[name] = Token(offset, event.attempt)
            continue
        token = getattr(event, "token", None)
        assert token is None or token == holders[name]
        if isinstance(event, Failed) and event.token is None:
            assert name not in holders
        if isinstance(event, Released) or (isinstance(event, Failed | Expired) and not event.final):
            del holders[name]
        elif not hasattr(event, "fraction") and type(event).__name__ != "Started":
            ends[name] = event
            holders.pop(name, None)
    for name, job in witness.known_jobs().items():
        assert job.end == ends.get(name)
        assert job.token == holders.get(name)
        assert (job.state == "held") == (name in holders)
        assert (job.state == "waiting") == (name not in holders and name not in ends)


@thorough
@given(histories, seeds)
def test_no_request_is_lost(history: History, seed: int) -> None:
    """Every request that can be read is open or over, its first body counts, and it arrives once."""
    witness = Witness()
    for record in reading(history.records, seed):
        witness.read(record)
    bodies: dict[str, tuple[int, object]] = {}
    for record in history.of(REQUESTS):
        body = decode_request(record.value)
        if body is not None:
            bodies.setdefault(body.id, (record.offset, body))
    assert sorted(witness.arrivals) == sorted(bodies)
    for name, (offset, body) in bodies.items():
        job = witness.heard[name]
        assert (job.at, job.request) == (offset, body)
        assert witness.queue.known(name)
        assert (witness.queue.job(name) is job) == (not job.over)


class Traveller(Witness):
    """A reader that moves its frontier at times; `started` is where it began."""

    def __init__(self, started: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        super().__init__(started)
        self.started = started
        self.frontiers = [started]

    def travel(self, history: History, seed: int, late: int) -> None:
        """Read everything from the start on, moving the frontier now and then, at a time `late` ms after."""
        ahead = [record for record in history.records if record.offset >= self._start_of(record.place.topic)]
        for number, record in enumerate(reading(ahead, seed)):
            self.read(record)
            if (number + seed) % 3 == 0:
                self.frontiers.append(self.queue.advance(record.timestamp + late)[0])
        self.frontiers.append(self.queue.advance(history.end + late)[0])

    def _start_of(self, topic: str) -> int:
        return self.started.requests if topic == REQUESTS else self.started.results


def agree(old: Traveller, new: Traveller) -> None:
    """Check that two readers of everything have the same open jobs, whatever they still remember beside."""
    now, then = seen(old), seen(new)
    for common in ("open", "held", "waiting", "of each"):
        assert then[common] == now[common]
    assert {job.id: job for job in new.queue.open_jobs()} == {job.id: job for job in old.queue.open_jobs()}
    hidden = {job.id for job in old.queue.open_jobs() if old.ledger.hides(job)}
    assert {job.id for job in new.queue.open_jobs() if new.ledger.hides(job)} == hidden


def first_offsets(history: History) -> dict[str, int]:
    """Return where each request stands first."""
    firsts: dict[str, int] = {}
    for record in history.of(REQUESTS):
        body = decode_request(record.value)
        if body is not None:
            firsts.setdefault(body.id, record.offset)
    return firsts


@thorough
@given(histories, st.lists(seeds, min_size=4, max_size=4), st.sampled_from([0, 0, DAY, 40 * DAY]))
def test_a_reader_may_start_at_any_frontier(history: History, dice: list[int], late: int) -> None:
    """From wherever another one had come to, again and again: the same open jobs, no repeat looks new."""
    firsts = first_offsets(history)
    oldest = Traveller()
    oldest.travel(history, dice[0], late)
    reader = oldest
    for seed in dice[1:]:
        assert len(reader.arrivals) == len(set(reader.arrivals))
        assert all(firsts[name] >= reader.started.requests for name in reader.arrivals)
        successor = Traveller(reader.frontiers[seed % len(reader.frontiers)])
        successor.travel(history, seed, late)
        agree(oldest, successor)
        reader = successor


@thorough
@given(histories, seeds, seeds)
def test_a_frontier_only_moves_forward(history: History, seed: int, late: int) -> None:
    """A frontier never goes back, never passes what was read, and never an open request."""
    traveller = Traveller()
    traveller.travel(history, seed, late * 1000)
    assert traveller.frontiers == sorted(traveller.frontiers)
    last = traveller.frontiers[-1]
    assert last.requests <= traveller.ledger.next_request
    assert last.results <= traveller.ledger.next_result
    assert all(job.at >= last.requests for job in traveller.queue.open_jobs())
    for record in history.of(RESULTS):
        event = decode_event(record.value)
        if record.offset < last.results and hasattr(event, "at"):
            assert event.at < last.requests, "no event of a job after the cut stands before it"


@thorough
@given(histories, seeds, st.sampled_from([0, DAY, 40 * DAY]))
def test_the_pictures_of_a_day_are_known_at_any_frontier(history: History, seed: int, late: int) -> None:
    """A reader that starts at a frontier counts for the quota what one counts that read everything."""
    everything, traveller = Witness(), Traveller()
    traveller.travel(history, seed, late)
    successor = Traveller(traveller.frontiers[-1])
    successor.travel(history, seed, 0)
    for record in history.records:
        everything.read(record)
    for person in ("p0", "p1"):
        asked = everything.queue.tally.pictures(person, history.end)
        assert successor.queue.tally.pictures(person, history.end) == asked
