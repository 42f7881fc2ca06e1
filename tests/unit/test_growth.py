"""More partitions while everybody works: each request counts once, and every reader ends with the same queue."""

import random
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core import reader as reader_module
from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.events import JobEvent, encode_event
from prompt2pic.core.history import History
from prompt2pic.core.intake import to_append
from prompt2pic.core.ledger import REMEMBERED, Frontier, Ledger
from prompt2pic.core.marks import Mark, commit_of, mark_of
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.reader import DEAD_LETTERS, FRONTIER_GROUP, SETTINGS, WORKERS, Reader
from prompt2pic.core.requests import (
    Grown,
    Request,
    decode_request,
    encode_request,
    key_of,
    partition_of,
)
from prompt2pic.core.rules import PARTITIONS_KEY, Rules, encode_partitions
from tests.fakes.memory_log import MemoryLog
from tests.unit.histories import DAY, seeds, state, thorough
from tests.unit.samples import HOUR, asked, cancelled, claimed, request, told

GROWN = encode_request(Grown(number=6))


def person_in(partition: int, of: int) -> str:
    """Return somebody whose requests go to this partition of so many."""
    return next(name for n in range(10_000) if partition_of(name := f"p{n}", of) == partition)


class World:
    """A log that grows, with a clock of its own."""

    def __init__(self, partitions: int = 2) -> None:
        self.now = 100 * DAY
        topics = {REQUESTS: partitions, RESULTS: partitions, WORKERS: 1, SETTINGS: 1, DEAD_LETTERS: 1}
        self.log = MemoryLog(topics, lambda: self.now)

    def reader(self, *, from_frontier: bool = False) -> Reader:
        """Return a reader that has read nothing yet."""
        return Reader(self.log, from_frontier=from_frontier, rebuilt=lambda reader: None)

    def grow(self, partitions: int) -> None:
        """Add partitions of the ledger."""
        for topic in (REQUESTS, RESULTS):
            self.log.grow(topic, partitions)

    def rule(self, partitions: int) -> None:
        """Have the owner say over how many partitions requests are spread."""
        self.log.append(Place(SETTINGS, 0), PARTITIONS_KEY, encode_partitions(partitions))

    def ask(self, body: Request | Grown, partition: int) -> int:
        """Append to `requests`."""
        return self.log.append(Place(REQUESTS, partition), key_of(body), encode_request(body))

    def tell(self, event: JobEvent, partition: int) -> int:
        """Append to `results`."""
        return self.log.append(Place(RESULTS, partition), "", encode_event(event))


def read_all(reader: Reader) -> Reader:
    """Read everything, new partitions too."""
    reader.look()
    reader.pump(0.0)
    while reader.pump(0.0):
        pass
    return reader


def open_ids(reader: Reader) -> set[str]:
    """Return the ids of the jobs that are not over."""
    return {job.id for job in reader.queue.open_jobs()}


# ------------------------------------------------------------------------------------------------- what counts


def test_behind_a_growth_only_those_count_who_know_of_it() -> None:
    """A request whose partition was chosen of fewer is passed over, read twice or not; repeats stay repeats."""
    queue = Queue({0: Frontier()})
    queue.apply(asked(0, request("before")))
    grown = asked(1, None)._replace(value=GROWN)
    queue.apply(grown, grown)
    for offset, (name, number) in enumerate(
        [("late", 1), ("less", 5), ("same", 6), ("more", 7), ("before", 6)]
    ):
        queue.apply(asked(offset + 2, request(name, partitions=number)))
    assert {job.id for job in queue.open_jobs()} == {"before", "same", "more"}
    assert (queue.ledgers[0].number, queue.ledgers[0].repeats, queue.undecodable) == (6, 1, 0)
    queue.apply(asked(7, None)._replace(value=encode_request(Grown(number=5))))
    assert queue.ledgers[0].number == 6


def test_what_does_not_count_does_not_hold_the_frontier() -> None:
    """A growth, and what came too late for it, are left behind by age; the number goes on with the frontier."""
    ledger = Ledger(0)
    ledger.apply_request(0, 0, request("old"))
    ledger.apply_event(0, 0, cancelled("old", 0))
    for offset, number in ((1, 3), (2, 6)):
        ledger.apply_request(offset, HOUR, None)
        ledger.grow(offset, number)
    ledger.apply_request(3, HOUR, request("late"))
    assert ledger.advance(HOUR) == Frontier(0, 0, 1)
    ledger.apply_request(4, REMEMBERED + 1, request("new", partitions=6))
    assert ledger.advance(REMEMBERED + 1) == Frontier(1, 1, 1), "what stands behind the cut is met again"
    ledger.apply_request(5, 2 * REMEMBERED, request("last", partitions=6))
    for now in (2 * REMEMBERED, 4 * REMEMBERED):
        assert ledger.advance(now) == Frontier(4, 1, 6)
    successor = Ledger(0, ledger.frontier)
    assert successor.apply_request(4, REMEMBERED + 1, request("new", partitions=6)) is not None
    assert successor.apply_request(6, 2 * REMEMBERED, request("late")) is None


@given(st.integers(0, 2**40), st.integers(1, 10_000))
def test_a_frontier_is_committed_with_its_number(offset: int, number: int) -> None:
    """A reader that starts there knows of how many partitions a request had to be placed."""
    mark = Mark(Frontier(offset, offset, number), offset, offset)
    assert mark_of(commit_of(mark)) == mark


def test_where_a_number_is_not_grown_to_yet() -> None:
    """A number has to be read in each of its partitions; one partition needs nothing."""
    queue = Queue({n: Frontier() for n in range(3)})
    assert (queue.grown(), queue.lacking(3), queue.lacking(1)) == (1, [0, 1, 2], [])
    for partition in range(3):
        queue.apply(asked(0, None, partition=partition)._replace(value=encode_request(Grown(number=3))))
        assert queue.lacking(3) == [0, 1, 2][partition + 1 :]
    queue.apply(asked(1, None, partition=1)._replace(value=GROWN))
    assert (queue.grown(), queue.lacking(3), queue.lacking(6)) == (6, [], [0, 2, 3, 4, 5])
    queue.follow({1: Frontier(9, 9), 3: Frontier(), 4: Frontier(), 5: Frontier()})
    assert queue.ledgers[1].next_request == 2, "what is followed stays as it is"
    for partition in (0, 2, 3, 4, 5):
        queue.apply(asked(5, None, partition=partition)._replace(value=GROWN))
    assert queue.lacking(6) == []


def test_the_owners_number_never_shrinks() -> None:
    """A smaller one than known is passed over, and so is what can not be read."""
    rules = Rules()
    assert rules.partitions is None
    for value, known in [
        (encode_partitions(3), 3),
        (encode_partitions(6), 6),
        (encode_partitions(2), 6),
        (b'{"type":"partitions","v":1,"number":0}', 6),
        (b"?", 6),
    ]:
        rules.apply(asked(0, None)._replace(key=PARTITIONS_KEY, value=value))
        assert rules.partitions == known
    rules.apply(asked(0, None)._replace(key="other", value=encode_partitions(9)))
    assert rules.partitions == 6


def test_what_is_yet_to_be_placed() -> None:
    """First the number everywhere, then the request; none that is known elsewhere, none twice, no repeat unread."""
    queue = Queue({0: Frontier(), 1: Frontier()})
    body = request("r", person=person_in(1, 2))
    for partition in (0, 1):
        assert to_append(queue, 2, body, again=False) == (Place(REQUESTS, partition), Grown(number=2))
        queue.apply(asked(0, None, partition=partition)._replace(value=encode_request(Grown(number=2))))
    placed = (Place(REQUESTS, 1), msgspec.structs.replace(body, partitions=2))
    assert to_append(queue, 2, body, again=False) == placed
    assert to_append(queue, 2, body, again=True) == placed, "it did not count"
    queue.apply(told(0, claimed("r", 1), partition=1))
    assert to_append(queue, 2, body, again=False) == placed, "known by an event, its request unread"
    queue.apply(asked(1, placed[1], partition=1))
    assert to_append(queue, 2, body, again=True) is None
    elsewhere = Queue({0: Frontier(0, 0, 2), 1: Frontier(0, 0, 2)})
    elsewhere.apply(asked(0, placed[1], partition=0))
    assert to_append(elsewhere, 2, body, again=False) is None


# ---------------------------------------------------------------------------------------------- readers follow


def test_a_reader_goes_on_with_new_partitions() -> None:
    """From their beginning, without reading the old ones again; frontiers are committed for them, too."""
    world = World()
    world.ask(request("a"), 0)
    reader = read_all(world.reader())
    queue = reader.queue
    world.grow(4)
    world.ask(request("b"), 3)
    world.tell(claimed("b", 0), 3)
    assert reader.pump(0.0) == 0
    assert not reader.reached(Place(REQUESTS, 3), 0)
    read_all(reader)
    assert reader.queue is queue
    assert reader.reached(Place(REQUESTS, 3), 0)
    assert open_ids(reader) == {"a", "b"}
    assert [job.id for job in queue.held()] == ["b"]
    assert queue.folded == 3
    assert [follower.closed for follower in world.log.followers] == [True, False]
    reader.commit_frontier(world.now)
    assert len(world.log.committed(FRONTIER_GROUP)) == 4
    assert sorted(queue.ledgers) == [0, 1, 2, 3]


def test_a_reader_looks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every minute; at once where a record tells of partitions that it does not follow yet."""
    world = World()
    reader = read_all(world.reader())
    world.grow(3)
    reader.pump(0.0)
    assert len(reader.queue.ledgers) == 2
    world.rule(3)
    for _ in range(2):
        reader.pump(0.0)
    assert len(reader.queue.ledgers) == 3
    world.rule(4)
    for _ in range(3):
        reader.pump(0.0)
    world.grow(4)
    reader.pump(0.0)
    assert len(reader.queue.ledgers) == 3, "it looked just before"
    began = time.monotonic()
    reader.pump(30.0)
    assert time.monotonic() - began < 20
    reader.pump(0.0)
    assert len(reader.queue.ledgers) == 4
    world.grow(5)
    monkeypatch.setattr(reader_module, "_LOOK", -1.0)
    reader.pump(0.0)
    assert len(reader.queue.ledgers) == 5


def test_a_growth_tells_of_partitions() -> None:
    """Whoever meets a number that they do not have looks until they do."""
    world = World()
    reader = read_all(world.reader())
    world.ask(Grown(number=3), 0)
    reader.pump(0.0)
    assert reader.placing() == 3
    reader.pump(0.0)
    assert len(reader.queue.ledgers) == 2
    world.grow(3)
    assert len(read_all(reader).queue.ledgers) == 3


def test_half_a_growth_is_none() -> None:
    """While one of the two topics is ahead, the ledger has as many partitions as both of them."""
    world = World()
    reader = read_all(world.reader())
    world.log.grow(REQUESTS, 3)
    assert len(read_all(reader).queue.ledgers) == 2
    assert len(read_all(world.reader()).queue.ledgers) == 2
    world.log.grow(RESULTS, 3)
    assert len(read_all(reader).queue.ledgers) == 3


def test_a_log_that_is_away_while_it_is_looked_at() -> None:
    """What is followed already is read on; the others come later."""
    world = World()
    reader = read_all(world.reader())
    world.grow(3)
    reader.look()
    world.log.away = True
    with pytest.raises(LogUnavailable):
        reader.pump(0.0)
    world.log.away = False
    assert reader.pump(0.0) == 0
    assert len(reader.queue.ledgers) == 2
    assert len(read_all(reader).queue.ledgers) == 3


def test_how_many_partitions_requests_are_to_be_spread_over() -> None:
    """The owner's number where the log has so many, else what the log has; never fewer than was grown to."""
    world = World(3)
    reader = read_all(world.reader())
    assert reader.placing() == 3
    for said, placing in ((2, 2), (9, 3)):
        world.rule(said)
        assert read_all(reader).placing() == placing
    world.ask(Grown(number=4), 0)
    assert read_all(reader).placing() == 4


def test_a_page_is_in_order_of_asking_over_partitions() -> None:
    """Whichever partition was read first; the day's pictures are summed, and fall due in the order of asking."""
    world = World()
    for hour, (name, partition) in enumerate([("a", 1), ("b", 0), ("c", 1), ("d", 0)]):
        world.now = 100 * DAY + hour * HOUR
        world.ask(request(name), partition)
    reader = world.reader()
    history = History(reader.queue)
    read_all(reader)
    assert [job.id for job in history.of("ann")] == ["d", "c", "b", "a"]
    assert reader.queue.tally.pictures("ann", world.now) == 4
    rooms = [reader.queue.tally.room_in("ann", n, world.now) for n in (1, 2, 3, 4)]
    assert rooms == [21 * 3600, 22 * 3600, 23 * 3600, 24 * 3600]
    assert reader.queue.turns.waiting_of("ann") == 4


# --------------------------------------------------------------------------------------- each request counts once


class Submitter:
    """Asks as the web does, in steps that others may come between; `loose` is what it wrote and died of."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reader = world.reader()
        self.todo: list[Request] = []
        self.again = False
        self.step: tuple[Place, Request | Grown] | None = None
        self.written: tuple[Place, int] | None = None

    def read(self, limit: int, *, look: bool) -> None:
        """Read some of what there is."""
        if look:
            self.reader.look()
        self.reader.pump(0.0, limit)

    def decide(self) -> None:
        """Make up the mind about the next record, once the last one was read back."""
        queue = self.reader.queue
        if self.step or not self.todo or not self.reader.ready:
            return
        if self.written and not self.reader.reached(*self.written):
            return
        if queue.grown() > len(queue.ledgers):
            self.reader.look()
            return
        self.step = to_append(queue, self.reader.placing(), self.todo[0], again=self.again)
        if self.step is None:
            assert queue.known(self.todo[0].id), "what is confirmed counts"
            self.todo.pop(0)
            self.again, self.written = False, None

    def append(self) -> None:
        """Append what was decided, however long ago."""
        if self.step is not None:
            place, record = self.step
            self.written = place, self.world.ask(record, place.partition)
            self.again = self.again or isinstance(record, Request)
            self.step = None

    def die(self) -> tuple[Place, Request | Grown] | None:
        """Start anew; what was on its way may still arrive."""
        loose = self.step
        self.step, self.written, self.again = None, None, False
        self.reader.close()
        self.reader = self.world.reader()
        return loose


def play(seed: int, world: World, moves: int = 120) -> list[Submitter]:
    """Have three submitters work at the same few requests while the log grows, in any order of their steps."""
    dice = random.Random(seed)
    submitters = [Submitter(world) for _ in range(3)]
    day = world.now // DAY  # nobody takes a message of the day before
    names = [f"{day} {n}" for n in range(dice.randint(1, 5))]
    loose: list[tuple[Place, Request | Grown]] = []
    size = world.log.partitions(REQUESTS)

    def ask(one: Submitter) -> None:
        name = dice.choice(names)
        one.todo.append(request(name, person=f"p{name}"))

    def grow(one: Submitter) -> None:
        nonlocal size
        size += dice.choice([0, 1, 1, 2])
        world.grow(min(size, 7))

    def die(one: Submitter) -> None:
        if left := one.die():
            loose.append(left)

    def arrive(one: Submitter) -> None:
        if loose:
            place, record = loose.pop(dice.randrange(len(loose)))
            world.ask(record, place.partition)

    chances: list[tuple[Any, int]] = [
        (ask, 6),
        (grow, 2),
        (lambda one: world.rule(dice.randint(1, 8)), 2),
        (lambda one: one.read(dice.randint(1, 9), look=dice.random() < 0.3), 20),
        (Submitter.decide, 20),
        (Submitter.append, 20),
        (die, 2),
        (arrive, 3),
    ]
    for _ in range(moves):
        move = dice.choices([move for move, _ in chances], [weight for _, weight in chances])[0]
        move(dice.choice(submitters))
    for _ in range(10_000):
        one = dice.choice(submitters)
        one.read(1000, look=True)
        one.decide()
        one.append()
        if not any(one.todo for one in submitters):
            break
    while loose:
        arrive(submitters[0])
    return submitters


@thorough
@given(seeds)
def test_each_request_counts_once(seed: int) -> None:
    """Whoever knows of which partitions: one job an id, the same one to everybody, and nobody asks in vain."""
    world = World(random.Random(seed).randint(1, 3))
    submitters = play(seed, world)
    assert not any(one.todo for one in submitters), "nobody waits for ever"
    arrivals: list[str] = []
    witness = world.reader()
    witness.queue.listeners.append(lambda job, event: arrivals.append(job.id))
    read_all(witness)
    assert len(arrivals) == len(set(arrivals)), "no id has two jobs"
    everything = {
        body.id
        for n in range(world.log.partitions(REQUESTS))
        for record in world.log.read(Place(REQUESTS, n), 0, 10_000)
        if (body := decode_request(record.value))
    }
    confirmed = {name for name in everything if witness.queue.known(name)}
    for one in submitters:
        read_all(one.reader)
        assert {name: one.reader.queue.where(name) for name in everything} == {
            name: witness.queue.where(name) for name in everything
        }
    assert confirmed == set(arrivals)


@thorough
@given(seeds)
def test_readers_end_with_the_same_queue(seed: int) -> None:
    """Started before, during or after the growth, at the beginning or at a frontier: the same jobs, the same number."""
    world, dice = World(), random.Random(seed)
    readers = [world.reader()]
    for _ in range(dice.randint(1, 4)):
        for one in play(dice.randrange(2**16), world, moves=30):
            one.reader.close()
        world.now += dice.choice([0, HOUR, 26 * HOUR])
        for job in list(read_all(world.reader()).queue.open_jobs()):
            kind = dice.choice([claimed, cancelled, None])
            if kind is not None:
                world.tell(kind(job.id, job.at), job.partition)
        for reader in readers:
            if dice.random() < 0.3:
                reader.look()
            for _ in range(dice.randint(0, 3)):
                reader.pump(0.0, dice.randint(1, 20))
        if dice.random() < 0.5:
            dice.choice(readers).commit_frontier(world.now)
        readers.append(world.reader(from_frontier=dice.random() < 0.5))
    first, *others = map(read_all, [*readers, world.reader(), world.reader(from_frontier=True)])
    for reader in others:
        queue = reader.queue
        assert open_ids(reader) == open_ids(first)
        for job in queue.open_jobs():
            mine = first.queue.job(job.id)
            assert mine is not None
            assert state(mine) == state(job)
        assert queue.lacking(queue.grown()) == first.queue.lacking(first.queue.grown())
        assert sorted(queue.ledgers) == sorted(first.queue.ledgers)
        assert {job.id for job in queue.held()} == {job.id for job in first.queue.held()}
        assert len(queue.turns) == len(first.queue.turns)
