"""Two web processes while the log grows: whatever each of them knows, an id has one job, and nobody is refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prompt2pic.core import ledger, reader
from prompt2pic.core.asks import Ask, Limits
from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.ports import Place
from prompt2pic.core.quality import Targets
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, SETTINGS, WORKERS, Reader, now_ms
from prompt2pic.core.requests import Grown, encode_request, partition_of
from prompt2pic.core.rules import PARTITIONS_KEY, encode_partitions
from prompt2pic.edge import submit
from prompt2pic.edge.erase import Eraser
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.shelf import Shelf
from prompt2pic.edge.submit import Submitter
from prompt2pic.ops.metrics import Metrics
from prompt2pic.store import open_store
from prompt2pic.web.people import Person
from tests.fakes.memory_log import MemoryLog

PEOPLE = [Person(f"user:{n}", "en") for n in range(12)]
LIMITS = Limits(waiting=10_000, day=10_000)


def grow(log: MemoryLog, partitions: int) -> None:
    """Add partitions of the ledger."""
    for topic in (RESULTS, REQUESTS):
        log.grow(topic, partitions)


class Web:
    """What a web process has, without its routes."""

    def __init__(self, log: MemoryLog, folder: Path, name: str) -> None:
        metrics = Metrics()
        self.hub = Hub(
            log,
            Shelf(folder / name, log.identity()),
            metrics,
            Targets(),
            lambda problem: pytest.fail(str(problem)),
        )
        self.submitter = Submitter(self.hub, LIMITS, metrics)
        store = open_store(f"file://{folder}/pictures", secret=b"s" * 32, base_url="http://here")
        self.eraser = Eraser(self.hub, self.submitter, store)

    async def ask(self, person: Person, key: str | None = None) -> str:
        """Ask for a picture and return the job's id."""
        job, _ = await self.submitter.submit(person, Ask(prompt="кот"), key)
        return job.id


@asynccontextmanager
async def webs(log: MemoryLog, folder: Path) -> AsyncIterator[list[Web]]:
    """Run two web processes over one log."""
    made = [Web(log, folder, name) for name in ("one", "other")]
    async with made[0].hub.running(), made[1].hub.running():
        yield made


def log_of(partitions: int) -> MemoryLog:
    """Return a log with so many partitions of the ledger."""
    topics = {REQUESTS: partitions, RESULTS: partitions, WORKERS: 1, SETTINGS: 1, DEAD_LETTERS: 1}
    return MemoryLog(topics, now_ms)


def arrivals(log: MemoryLog) -> Counter[str]:
    """Count how often each id is a new job to a reader of everything."""
    seen: Counter[str] = Counter()
    witness = Reader(log, from_frontier=False, rebuilt=lambda new: None)
    witness.queue.listeners.append(lambda job, event: seen.update([job.id] if event is None else []))
    while witness.pump(0.0):
        pass
    return seen


@pytest.mark.parametrize("ruled", [False, True])
def test_two_web_processes_while_the_log_grows(
    tmp_path: Path, ruled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same keys come to both, before, during and after: each has one job, and new partitions are used."""
    monkeypatch.setattr(reader, "_LOOK", 0.2)
    log = log_of(3)
    keys = [(person, f"key {n}") for n in range(15) for person in PEOPLE]

    async def ask_all(web: Web, order: int) -> list[str]:
        ids = []
        for person, key in keys[::order]:
            ids.append(await web.ask(person, key))
            await asyncio.sleep(0.004)
        return ids[::order]

    async def growing() -> None:
        for partitions in (4, 5, 7):
            await asyncio.sleep(0.2)
            grow(log, partitions)
            if ruled:
                log.append(Place(SETTINGS, 0), PARTITIONS_KEY, encode_partitions(partitions))

    async def all_of_it() -> None:
        async with webs(log, tmp_path) as (one, other):
            told = await asyncio.gather(ask_all(one, 1), ask_all(other, -1), growing())
            assert told[0] == told[1]
            await asyncio.sleep(0.5)
            later = await asyncio.gather(*(web.ask(person) for web in (one, other) for person in PEOPLE))
            assert len(set(later)) == len(later)
            assert [await one.ask(person, key) for person, key in keys] == told[0]
            ledgers = one.hub.reader.queue.ledgers
            assert len(ledgers) == 7
            assert any(ledgers[n].jobs for n in (3, 4, 5, 6))

    asyncio.run(all_of_it())
    counted = arrivals(log)
    assert set(counted.values()) == {1}
    assert len(counted) == len(keys) + 2 * len(PEOPLE)


def test_forgetting_reaches_new_partitions(tmp_path: Path) -> None:
    """Also those that the process which forgets did not know of, and never what was asked for afterwards."""
    log = log_of(2)
    places = ((person, partition_of(person.name, 2), partition_of(person.name, 5)) for person in PEOPLE)
    person, old, new = next(place for place in places if place[1] != place[2])

    async def all_of_it() -> None:
        async with webs(log, tmp_path) as (one, other):
            first = await one.ask(person)
            grow(log, 5)
            other.hub.reader.look()
            await other.hub.until(lambda: len(other.hub.reader.queue.ledgers) == 5)
            second = await other.ask(person)
            assert {other.hub.reader.queue.where(name) for name in (first, second)} == {old, new}
            assert await one.eraser.forget(person.name) == 2
            assert [one.hub.history.job(name) for name in (first, second)] == [None, None]
            third = await one.ask(person)
            assert [job.id for job in one.hub.history.of(person.name)] == [third]
            await other.hub.until(lambda: other.hub.history.job(third) is not None)
            assert [job.id for job in other.hub.history.of(person.name)] == [third]

    asyncio.run(all_of_it())


def test_a_start_after_the_growth_shows_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies on the shelf stays there, of the new partitions everything is read, and a page is in order."""
    monkeypatch.setattr(ledger, "REMEMBERED", -1)
    log, person = log_of(2), PEOPLE[0]
    asked: list[str] = []

    async def run(partitions: int) -> int:
        grow(log, partitions)
        async with webs(log, tmp_path) as (one, _):
            hub = one.hub
            read = hub.reader.queue.folded
            assert [job.id for job in hub.history.of(person.name)] == asked[::-1]
            for _ in range(3):
                asked.append(await one.ask(person))
                await asyncio.sleep(0.005)  # two of them in one millisecond would have no order
                job = hub.history.job(asked[-1])
                assert job is not None
                await one.submitter.cancel(job)
            assert [job.id for job in hub.history.of(person.name)] == asked[::-1]
            hub._shelve()
            assert [job.id for job in hub.history.of(person.name)] == asked[::-1]
        return read

    assert [asyncio.run(run(partitions)) for partitions in (2, 3, 5, 5)] == [0, 0, 0, 0]


def test_partitions_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is refused after a while where somebody grew to more partitions than there are."""
    monkeypatch.setattr(submit, "_PATIENCE", 0.1)
    log = log_of(2)
    log.append(Place(REQUESTS, 0), "", encode_request(Grown(number=3)))

    async def all_of_it() -> None:
        async with webs(log, tmp_path) as (one, _):
            with pytest.raises(LogUnavailable, match="3 partitions"):
                await one.ask(PEOPLE[0])
            grow(log, 3)
            assert await one.ask(PEOPLE[0])

    asyncio.run(all_of_it())
