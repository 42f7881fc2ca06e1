"""A reader follows the log, survives what happens to it, and starts where another one left off."""

import threading
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.errors import LogTruncated, LogUnavailable, NewerLog, RecordTooLarge
from prompt2pic.core.events import JobEvent, Token, Version, encode_event
from prompt2pic.core.ledger import REMEMBERED, Frontier
from prompt2pic.core.marks import Mark, commit_of, mark_of
from prompt2pic.core.ports import Commit, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import (
    DEAD_LETTERS,
    FRONTIER_GROUP,
    SETTINGS,
    WORKERS,
    Reader,
    now_ms,
    write_letter,
)
from prompt2pic.core.requests import encode_request
from prompt2pic.core.rules import DRAIN_KEY, Drain, encode_drain
from prompt2pic.core.workers import encode_worker
from tests.fakes.memory_log import LARGEST_RECORD, MemoryLog
from tests.unit.histories import DAY, History, histories
from tests.unit.samples import cancelled, claimed, finished, request, worker

TOPICS = {REQUESTS: 2, RESULTS: 2, WORKERS: 1, SETTINGS: 1, DEAD_LETTERS: 1}


def committed(requests: int, results: int, requests_read: int, results_read: int) -> Commit:
    """Return the commit of a frontier by a reader that has read so far."""
    return commit_of(Mark(Frontier(requests, results), requests_read, results_read))


class World:
    """A log with a clock of its own, and readers of it."""

    def __init__(self) -> None:
        self.now = 100 * DAY
        self.log = MemoryLog(TOPICS, lambda: self.now)
        self.rebuilt: list[Reader] = []

    def reader(self, *, from_frontier: bool = False) -> Reader:
        """Return a reader that has read nothing yet."""
        return Reader(self.log, from_frontier=from_frontier, rebuilt=self.rebuilt.append)

    def caught_up(self, *, from_frontier: bool = False) -> Reader:
        """Return a reader that has read everything."""
        reader = self.reader(from_frontier=from_frontier)
        while reader.pump(0.0):
            pass
        return reader

    def ask(self, name: str, partition: int = 0) -> int:
        """Append a request."""
        return self.log.append(Place(REQUESTS, partition), name, encode_request(request(name)))

    def tell(self, event: JobEvent | Version, partition: int = 0) -> int:
        """Append an event."""
        return self.log.append(Place(RESULTS, partition), "", encode_event(event))

    def ask_and_cancel(self, name: str) -> None:
        """Append a request that is over at once."""
        self.tell(cancelled(name, self.ask(name)))


def test_a_reader_folds_all_partitions() -> None:
    """Requests, results and workers are read, settings passed over, and it is ready at the end it saw at its start."""
    world = World()
    world.ask("a", 0)
    world.ask("b", 1)
    world.tell(claimed("b", 0), 1)
    world.log.append(Place(SETTINGS, 0), "s", b"?")
    world.log.append(Place(WORKERS, 0), "w1", encode_worker(worker("w1")))
    world.log.append(Place(RESULTS, 0), "", b"?")
    reader = world.reader()
    assert not reader.ready
    assert reader.pump(0.0, limit=2) == 2
    assert not reader.ready
    assert reader.pump(0.0) == 4
    assert reader.ready
    assert {job.id for job in reader.queue.open_jobs()} == {"a", "b"}
    assert [job.id for job in reader.queue.held()] == ["b"]
    assert [live.name for live in reader.crew.live(world.now)] == ["w1"]
    assert (reader.queue.folded, reader.queue.undecodable) == (4, 1)
    assert world.rebuilt == [reader]


def test_a_reader_of_an_empty_log_is_ready() -> None:
    """There is nothing to wait for."""
    assert World().reader().ready


def test_what_was_reached() -> None:
    """A record is reached once it was folded, in its own topic and partition."""
    world = World()
    world.ask("a")
    world.tell(claimed("a", 0))
    reader = world.reader()
    places = [Place(REQUESTS, 0), Place(RESULTS, 0)]
    assert not any(reader.reached(place, 0) for place in places)
    reader.pump(0.0)
    assert all(reader.reached(place, 0) for place in places)
    assert not any(reader.reached(place, 1) for place in places)
    assert not reader.reached(Place(RESULTS, 1), 0)
    world.ask("b", 1)
    reader.pump(0.0)
    assert reader.reached(Place(REQUESTS, 1), 0)
    assert not reader.reached(Place(RESULTS, 1), 0)


def test_the_owners_decisions_are_followed() -> None:
    """The newest word counts; what is not known, or said under another key, changes nothing."""
    world = World()
    said = [
        (DRAIN_KEY, encode_drain(Drain(on=True))),
        ("other", encode_drain(Drain(on=False))),
        (DRAIN_KEY, b"?"),
    ]
    reader = world.reader()
    assert not reader.rules.draining
    for key, value in said:
        world.log.append(Place(SETTINGS, 0), key, value)
        reader.pump(0.0)
        assert reader.rules.draining
    world.log.append(Place(SETTINGS, 0), DRAIN_KEY, encode_drain(Drain(on=False)))
    reader.pump(0.0)
    assert not reader.rules.draining


def test_speeds_are_learnt_by_reading() -> None:
    """What finished is measured, once."""
    world = World()
    world.ask("a")
    world.tell(claimed("a", 0))
    world.tell(finished(Token(0, "a"), "a", 0, seconds=3.0))
    assert world.caught_up().speeds.seconds(worker(), request(), "best") == 3.0


def test_a_truncated_log_is_read_anew() -> None:
    """Where offsets went back nothing that was folded is true any more; listeners are told of the new queue."""
    world = World()
    world.ask("a")
    world.ask("lost")
    reader = world.caught_up()
    before = reader.queue
    world.log.truncate(Place(REQUESTS, 0), 1)
    assert reader.pump(0.0) == 0
    assert reader.queue is not before
    assert world.rebuilt == [reader, reader]
    assert [follower.closed for follower in world.log.followers] == [True, False]
    reader.pump(0.0)
    assert [job.id for job in reader.queue.open_jobs()] == ["a"]
    assert reader.ready


def test_a_truncation_is_told_to_who_fetches() -> None:
    """Who fetches in one thread and folds in another rebuilds by themselves."""
    world = World()
    world.ask("a")
    reader = world.caught_up()
    world.log.truncate(Place(REQUESTS, 0), 0)
    with pytest.raises(LogTruncated):
        reader.fetch(0.0)


def test_a_log_that_is_away_while_it_is_read_anew() -> None:
    """A rebuild that fails leaves a reader that is not ready, and that tries again when it is pumped."""
    world = World()
    world.ask("a")
    reader = world.caught_up()
    world.log.truncate(Place(REQUESTS, 0), 0)
    with pytest.raises(LogTruncated):
        reader.fetch(0.0)
    world.log.away = True
    with pytest.raises(LogUnavailable):
        reader.rebuild()
    assert not reader.ready
    with pytest.raises(LogUnavailable):
        reader.pump(0.0)
    world.log.away = False
    assert reader.pump(0.0) == 0
    assert reader.ready
    assert not list(reader.queue.open_jobs())


def test_a_log_that_is_away_is_said_to_be() -> None:
    """What was read stays, and reading goes on once the log is back."""
    world = World()
    reader = world.caught_up()
    world.ask("a")
    world.log.away = True
    with pytest.raises(LogUnavailable):
        reader.pump(0.0)
    world.log.away = False
    assert reader.pump(0.0) == 1


def test_a_newer_log_stops_the_reader() -> None:
    """It never folds what stands behind a version that it does not know, however often it is asked to."""
    world = World()
    reader = world.reader()
    world.tell(Version(needs=2))
    world.ask("a")
    world.tell(claimed("a", 0))
    with pytest.raises(NewerLog):
        reader.pump(0.0)
    world.tell(cancelled("a", 0))
    with pytest.raises(NewerLog):
        reader.pump(0.0)
    assert not list(reader.queue.held())


def test_a_reader_may_be_woken() -> None:
    """A pump that waits returns early when another thread says so; before and after, that does no harm."""
    world = World()
    reader = world.reader()
    began = time.monotonic()
    reader.wake()
    assert reader.pump(30.0) == 0
    threading.Timer(0.05, reader.wake).start()
    assert reader.pump(30.0) == 0
    assert time.monotonic() - began < 25.0


def test_starting_at_the_frontier() -> None:
    """What was committed is where a worker starts; bot and web start at the earliest record all the same."""
    world = World()
    world.ask_and_cancel("old")
    world.ask("open")
    world.now += REMEMBERED + 1
    world.ask("new")
    world.caught_up().commit_frontier(world.now)
    assert world.log.committed("prompt2pic-frontier") == {  # the name that earlier versions committed to
        Place(REQUESTS, 0): Commit(1, '{"version":1,"results":1,"requests_read":3,"results_read":1}'),
        Place(REQUESTS, 1): Commit(0, '{"version":1,"results":0,"requests_read":0,"results_read":0}'),
    }
    successor, everything = world.caught_up(from_frontier=True), world.caught_up()
    assert successor.queue.ledgers[0].frontier == Frontier(1, 1)
    assert everything.queue.ledgers[0].frontier == Frontier(0, 0)
    assert {job.id for job in successor.queue.open_jobs()} == {"open", "new"}
    assert (successor.queue.folded, everything.queue.folded) == (2, 4)
    assert not successor.queue.known("old")
    assert everything.queue.known("old")


@pytest.mark.parametrize(
    "commit",
    [
        Commit(1, ""),
        Commit(1, "1"),
        Commit(1, "{}"),
        Commit(1, '{"version":2,"results":1,"requests_read":3,"results_read":3}'),
        Commit(1, '{"version":1,"results":1}'),
        committed(1, -1, 3, 3),
        committed(9, 1, 3, 3),
        committed(1, 9, 3, 3),
        committed(0, 1, 3, 3),
        committed(1, 0, 3, 3),
        committed(2, 2, 4, 3),
        committed(2, 2, 3, 4),
    ],
)
def test_a_frontier_that_is_not_held_is_not_used(commit: Commit) -> None:
    """Where it can not be read, is out of range or of a log that held more, everything is read, and this is said."""
    world = World()
    for name in "abc":
        world.ask_and_cancel(name)
    world.log.trim(Place(REQUESTS, 0), 1)
    world.log.trim(Place(RESULTS, 0), 1)
    world.log.commit(FRONTIER_GROUP, {Place(REQUESTS, 0): commit, Place(REQUESTS, 1): committed(7, 0, 7, 0)})
    reader = world.caught_up(from_frontier=True)
    assert reader.queue.ledgers[0].frontier == Frontier(1, 1)
    assert reader.queue.ledgers[1].frontier == Frontier(0, 0)
    assert (reader.queue.ledgers[0].next_request, reader.queue.ledgers[0].next_result) == (3, 3)
    assert reader.refolded == [0, 1]


def test_a_log_that_was_put_back_is_read_from_its_earliest_record() -> None:
    """A job before the frontier may be open again where its end was lost: nobody passes it over."""
    world = World()
    world.ask_and_cancel("over")
    world.now += REMEMBERED + 1
    world.ask("new")
    world.caught_up().commit_frontier(world.now)
    assert world.caught_up(from_frontier=True).refolded == []
    world.log.truncate(Place(RESULTS, 0), 0)
    successor = world.caught_up(from_frontier=True)
    assert successor.refolded == [0]
    assert {job.id for job in successor.queue.open_jobs()} == {"over", "new"}


offsets = st.integers(0, 2**40)


@given(offsets, offsets, offsets, offsets)
def test_a_mark_is_what_was_committed(
    requests: int, results: int, requests_read: int, results_read: int
) -> None:
    """It comes back whole, also from a later program's commit of this version, and fits into any log."""
    mark = Mark(Frontier(requests, results), requests_read, results_read)
    made = commit_of(mark)
    assert mark_of(made) == mark
    assert mark_of(made._replace(metadata=made.metadata.replace("{", '{"more":[1],'))) == mark
    assert len(made.metadata) < 4096


@given(st.integers(0, 9), st.text(max_size=40))
def test_any_metadata_may_be_met(offset: int, metadata: str) -> None:
    """What is no mark is none, and raises nothing."""
    assert mark_of(Commit(offset, metadata)) is None


def test_a_new_partition_is_read_from_its_beginning() -> None:
    """A frontier that was committed before there was a partition says nothing about it."""
    world = World()
    world.ask("a", 1)
    world.log.commit(FRONTIER_GROUP, {Place(REQUESTS, 0): committed(0, 0, 0, 0)})
    assert [job.id for job in world.caught_up(from_frontier=True).queue.open_jobs()] == ["a"]


@given(histories, st.lists(st.integers(1, 20), max_size=6), st.sampled_from([0, DAY, 40 * DAY]))
def test_a_committed_frontier_loses_nothing(history: History, limits: list[int], late: int) -> None:
    """Restored from the two offsets in the log, a reader has the same open jobs, and knows every repeat."""
    world = World()
    for record in history.records:
        world.now = record.timestamp
        world.log.append(record.place, record.key, record.value)
    oldest = world.reader()
    for limit in limits:
        oldest.pump(0.0, limit)
        oldest.commit_frontier(world.now + late)
    arrivals: list[str] = []
    successor = world.reader(from_frontier=True)
    successor.queue.listeners.append(lambda job, event: arrivals.extend([job.id] if event is None else []))
    start = successor.queue.ledgers[0].frontier.requests
    for reader in (oldest, successor):
        while reader.pump(0.0):
            pass
    jobs = [{job.id: job for job in reader.queue.open_jobs()} for reader in (oldest, successor)]
    assert jobs[0] == jobs[1]
    assert len(arrivals) == len(set(arrivals))
    before = {record.key for record in history.of(REQUESTS) if record.offset < start and record.key}
    assert not before & set(arrivals)


def test_a_closed_reader_reads_no_more() -> None:
    """Closing it stops its follower, and may be done twice."""
    world = World()
    reader = world.reader()
    reader.close()
    reader.close()
    reader.wake()
    with pytest.raises(AssertionError):
        reader.fetch(0.0)


def test_a_dead_letter_is_readable() -> None:
    """It is one line of JSON under the request's id."""
    world = World()
    write_letter(
        world.log, Place(DEAD_LETTERS, 0), {"request": "r1", "reason": "lease-expired", "attempts": 3}
    )
    (letter,) = world.log.read(Place(DEAD_LETTERS, 0), 0, 10)
    assert letter.key == "r1"
    assert msgspec.json.decode(letter.value) == {"request": "r1", "reason": "lease-expired", "attempts": 3}


def test_the_time_of_day_is_in_ms() -> None:
    """As the log stamps its records."""
    assert abs(now_ms() - time.time() * 1000) < 60_000


def test_the_fake_log_refuses_what_is_too_large() -> None:
    """As any log does."""
    log = World().log
    with pytest.raises(RecordTooLarge):
        log.append(Place(REQUESTS, 0), "", b"x" * (LARGEST_RECORD + 1))
    log.close()


def test_a_partition_that_is_gone_is_passed_over() -> None:
    """What was committed of a partition that the log has no more is no reason to stop, nor to read anything anew."""
    world = World()
    world.log.commit(FRONTIER_GROUP, {Place(REQUESTS, 9): Commit(1, "?")})
    assert world.reader(from_frontier=True).refolded == []
