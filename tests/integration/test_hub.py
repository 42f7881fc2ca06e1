"""The hub: whatever the log does, the event loop goes on."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from prompt2pic.core.asks import Ask, Limits
from prompt2pic.core.errors import AppendUnknown, Problem
from prompt2pic.core.ports import Follower, Place
from prompt2pic.core.quality import Targets
from prompt2pic.core.queue import REQUESTS
from prompt2pic.core.reader import Reader, Start, now_ms
from prompt2pic.core.requests import encode_request
from prompt2pic.edge import patience
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.person import Person
from prompt2pic.edge.shelf import Shelf
from prompt2pic.edge.submit import Submitter
from prompt2pic.ops.metrics import Metrics
from tests.fakes.memory_log import MemoryLog
from tests.unit.samples import request

TOPICS = {"requests": 1, "results": 1, "workers": 1, "settings": 1}
LONG = 20.0  # seconds
A_MOMENT = 0.2  # seconds


def in_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        asyncio.run(test(*args, **fixtures))

    return run


class StuckLog(MemoryLog):
    """A log that answers no question while `stuck`, as a cluster does whose brokers are away."""

    def __init__(self) -> None:
        super().__init__(TOPICS, now_ms)
        self.stuck = False
        self.asked = threading.Event()
        self.askers: set[str] = set()
        self._goes_on = threading.Event()

    def identity(self) -> str:
        """Return its name, once it answers."""
        self.asked.set()
        self.askers.add(threading.current_thread().name)
        if self.stuck:
            assert self._goes_on.wait(LONG), "it was never let go on"
        return super().identity()

    def go_on(self) -> None:
        """Answer again."""
        self.stuck = False
        self._goes_on.set()


@pytest.fixture
def log() -> StuckLog:
    """Return a log with three requests."""
    log = StuckLog()
    for number in range(3):
        log.append(Place(REQUESTS, 0), "", encode_request(request(f"r{number}")))
    return log


@asynccontextmanager
async def hub(log: StuckLog, folder: Path) -> AsyncIterator[Hub]:
    """Run a hub over the log."""
    failures: list[Problem] = []
    made = Hub(log, Shelf(folder / "shelf", "memory"), Metrics(), Targets(), failures.append)
    async with made.running():
        yield made
    assert failures == []


async def lose_a_record(log: StuckLog) -> None:
    """Cut the log back, and return when the hub has begun to ask for what is left."""
    log.stuck = True
    log.asked.clear()
    log.truncate(Place(REQUESTS, 0), 2)
    assert await asyncio.to_thread(log.asked.wait, LONG)


def ids(made: Hub) -> list[str]:
    """Return the ids of the jobs that the hub knows to be open."""
    return [job.id for job in made.reader.queue.open_jobs()]


@in_a_loop
async def test_a_rebuild_waits_for_the_log_in_its_own_thread(
    log: StuckLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a log that lost records does not answer, the event loop goes on; the queue is replaced in it alone."""
    changed_in: list[str] = []
    begin = Reader.begin

    def begin_and_tell(reader: Reader, start: Start) -> Follower | None:
        changed_in.append(threading.current_thread().name)
        return begin(reader, start)

    async with hub(log, tmp_path) as made:
        monkeypatch.setattr(Reader, "begin", begin_and_tell)
        assert ids(made) == ["r0", "r1", "r2"]
        log.askers.clear()
        await lose_a_record(log)
        await asyncio.wait_for(asyncio.sleep(A_MOMENT), LONG / 2)  # the loop is free, or this comes late
        assert not made.reader.ready
        assert ids(made) == ["r0", "r1", "r2"]
        log.go_on()
        await asyncio.wait_for(made.whole(), LONG)
        assert ids(made) == ["r0", "r1"]
    assert log.askers == {"log"}
    assert changed_in == [threading.main_thread().name]
    assert [follower.closed for follower in log.followers] == [True, True]


@in_a_loop
async def test_nothing_is_taken_by_a_queue_in_doubt(log: StuckLog, tmp_path: Path) -> None:
    """A request that comes while the log is read anew waits, and is taken by what then is known."""
    async with hub(log, tmp_path) as made:
        submitter = Submitter(made, Limits(), Metrics())
        await lose_a_record(log)
        asked = asyncio.create_task(submitter.submit(Person("anna", "en"), Ask(prompt="a cat"), None))
        await asyncio.sleep(A_MOMENT)
        assert log.bounds(Place(REQUESTS, 0))[1] == 2
        log.go_on()
        job, new = await asyncio.wait_for(asked, LONG)
        assert new
        assert (job.at, ids(made)) == (2, ["r0", "r1", job.id])


@in_a_loop
async def test_a_log_that_is_away_is_asked_again(log: StuckLog, tmp_path: Path) -> None:
    """Where the log can not be reached for a rebuild, the hub tries until it can."""
    async with hub(log, tmp_path) as made:
        await lose_a_record(log)
        log.away = True
        log.go_on()
        await asyncio.sleep(A_MOMENT)
        assert not made.reader.ready
        log.away = False
        await asyncio.wait_for(made.whole(), LONG)
        assert ids(made) == ["r0", "r1"]


@in_a_loop
async def test_a_log_that_hangs_is_answered_for_in_time(
    log: StuckLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an append without an answer nor the turns of others before it make a person wait for long."""
    monkeypatch.setattr(patience, "LONGEST", 2 * A_MOMENT)
    done = threading.Event()
    monkeypatch.setattr(log, "append", lambda place, key, value: done.wait(LONG))
    async with hub(log, tmp_path) as made:
        submitter, anna = Submitter(made, Limits(), Metrics()), Person("anna", "en")
        began = time.monotonic()
        asked = [submitter.submit(anna, Ask(prompt="a cat"), None) for _ in range(50)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert time.monotonic() - began < LONG / 2
        done.set()
    assert {type(answer) for answer in answers} == {AppendUnknown}
