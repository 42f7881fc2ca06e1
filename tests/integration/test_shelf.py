"""The web process' shelf: what lies before the frontier is on disk, and may be thrown away."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from prompt2pic.core import ledger
from prompt2pic.core.events import Cancelled, encode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark
from prompt2pic.core.ports import Place
from prompt2pic.core.quality import Targets
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.shelf import Shelf
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.ops.metrics import Metrics
from prompt2pic.wiring import TOPICS


def ended(number: int, person: str = "anna") -> Job:
    """Return a job that was cancelled."""
    request = Request(id=f"r{number}", person=person, prompt="кот", seed=number)
    end = Cancelled(request=request.id, at=number, by="person")
    return Job(request.id, 0, number, request=request, requested=number, state="cancelled", end=end)


def test_what_is_put_is_found_again(tmp_path: Path) -> None:
    """Jobs and frontiers outlive the process; a person's jobs come newest first."""
    path = tmp_path / "shelf"
    with closing(Shelf(path, "log")) as shelf:
        shelf.put([ended(1), ended(2), ended(3, "ivan")], {0: Frontier(4, 9)})
    with closing(Shelf(path, "log")) as again:
        assert again.frontiers() == {0: Frontier(4, 9)}
        assert again.job("r2") == ended(2)
        assert again.job("r9") is None
        assert [job.id for job in again.of("anna", 0)] == ["r2", "r1"]
        again.drop("r2")
        assert [job.id for job in again.of("anna", 0)] == ["r1"]


def test_a_partition_of_which_a_start_needs_more_is_thrown_away(tmp_path: Path) -> None:
    """What others hold stays: a log that got more partitions, or lost some of one, keeps what is there of the rest."""
    frontiers = {0: Frontier(4, 9, 2), 1: Frontier(3, 3)}
    with closing(Shelf(tmp_path / "shelf", "log")) as shelf:
        shelf.put([ended(1), structs.replace(ended(2), partition=1)], frontiers)
        shelf.note_read({n: Mark(frontier, 9, 9) for n, frontier in frontiers.items()})
        shelf.keep({**frontiers, 2: Frontier()})
        assert shelf.frontiers() == frontiers
        assert [[job.id for job in shelf.of("anna", n)] for n in (0, 1, 2)] == [["r1"], ["r2"], []]
        shelf.keep({0: Frontier(4, 9, 2), 1: Frontier(), 2: Frontier()})
        assert shelf.marks() == {0: Mark(Frontier(4, 9, 2), 9, 9)}
        assert (shelf.job("r1") is None, shelf.job("r2") is None) == (False, True)


@pytest.mark.parametrize("content", [b"", b"nothing of the kind" * 500])
def test_a_damaged_shelf_is_thrown_away(tmp_path: Path, content: bytes) -> None:
    """A file that is no shelf is replaced: everything is in the log."""
    path = tmp_path / "shelf"
    path.write_bytes(content)
    with closing(Shelf(path, "log")) as shelf:
        assert shelf.frontiers() == {}
        shelf.put([ended(1)], {0: Frontier(1, 1)})
    with closing(Shelf(path, "log")) as again:
        assert again.job("r1") is not None


def test_the_shelf_of_another_log_is_thrown_away(tmp_path: Path) -> None:
    """A shelf never shows what another log holds."""
    with closing(Shelf(tmp_path / "shelf", "one")) as shelf:
        shelf.put([ended(1)], {0: Frontier(1, 1)})
    with closing(Shelf(tmp_path / "shelf", "other")) as shelf:
        assert (shelf.frontiers(), shelf.job("r1")) == ({}, None)


def test_a_shelf_in_use_is_left_alone(tmp_path: Path) -> None:
    """A second process works from memory and does not touch the first one's file."""
    with closing(Shelf(tmp_path / "shelf", "log")) as first:
        first.put([ended(1)], {0: Frontier(1, 1)})
        with closing(Shelf(tmp_path / "shelf", "log")) as second:
            assert second.job("r1") is None
            second.put([ended(2)], {0: Frontier(2, 2)})
        assert first.job("r1") is not None
        assert first.job("r2") is None


def hub(folder: Path) -> Hub:
    """Return a hub over the log and the shelf of a folder."""
    log = SqliteLog(folder / "log.sqlite3", TOPICS)
    return Hub(log, Shelf(folder / "shelf", log.identity()), Metrics(), Targets(), lambda problem: None)


def requested(folder: Path, *numbers: int, over: bool = True) -> None:
    """Append requests, and their ends."""
    with closing(SqliteLog(folder / "log.sqlite3", TOPICS)) as log:
        for number in numbers:
            job = ended(number)
            assert job.request is not None
            at = log.append(Place(REQUESTS, 0), job.id, encode_request(job.request))
            if over:
                end = Cancelled(request=job.id, at=at, by="person")
                log.append(Place(RESULTS, 0), job.id, encode_event(end))


def seen(folder: Path) -> tuple[list[str], int]:
    """Run a hub for a moment: return a person's jobs, and how many records it read to know them."""

    async def look(made: Hub) -> tuple[list[str], int]:
        async with made.running():
            read = made.reader.queue.folded
            made._shelve()
            return [job.id for job in made.history.of("anna")], read

    made = hub(folder)
    try:
        return asyncio.run(look(made))
    finally:
        made.log.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over may go onto the shelf at once, not only a day later."""
    monkeypatch.setattr(ledger, "REMEMBERED", -1)


@pytest.mark.usefixtures("at_once")
def test_a_start_reads_on_from_the_shelf(tmp_path: Path) -> None:
    """What was over and old at the last run is not read again, and shown all the same; what was open is read."""
    requested(tmp_path, 1, 2, 3)
    assert seen(tmp_path) == (["r3", "r2", "r1"], 6)
    requested(tmp_path, 4, over=False)
    requested(tmp_path, 5)
    assert seen(tmp_path) == (["r5", "r4", "r3", "r2", "r1"], 3)
    assert seen(tmp_path) == (["r5", "r4", "r3", "r2", "r1"], 3)


def test_what_is_young_is_read_again(tmp_path: Path) -> None:
    """Within a day nothing goes onto the shelf: a late repeat must be known."""
    requested(tmp_path, 1, 2)
    assert [seen(tmp_path), seen(tmp_path)] == [(["r2", "r1"], 4)] * 2


@pytest.mark.usefixtures("at_once")
def test_a_log_that_was_put_back_clears_the_shelf(tmp_path: Path) -> None:
    """Where an older copy of the same log lacks what was read, its jobs may be open again: all of it is read anew."""
    requested(tmp_path, 1, 2)
    log, copy = tmp_path / "log.sqlite3", tmp_path / "copy"
    with closing(sqlite3.connect(log)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    requested(tmp_path, 3, over=False)
    assert seen(tmp_path) == (["r3", "r2", "r1"], 5)
    copy.replace(log)
    assert seen(tmp_path) == (["r2", "r1"], 4)


def test_a_page_keeps_the_order_of_asking(tmp_path: Path) -> None:
    """Also where a wrong clock stamped the first of the requests years ahead."""
    with closing(Shelf(tmp_path / "shelf", "log")) as shelf:
        first = ended(1)
        first.requested = 10**15
        shelf.put([first], {0: Frontier(2, 2)})
        shelf.put([ended(2), ended(3)], {0: Frontier(4, 4)})
        assert [job.id for job in shelf.of("anna", 0)] == ["r3", "r2", "r1"]


@pytest.mark.usefixtures("at_once")
def test_a_replaced_log_clears_the_shelf(tmp_path: Path) -> None:
    """After the log was replaced nothing of the old one is shown."""
    requested(tmp_path, 1, 2, 3)
    seen(tmp_path)
    for file in tmp_path.glob("log.sqlite3*"):
        if file.is_file():
            file.unlink()
    requested(tmp_path, 7)
    assert seen(tmp_path) == (["r7"], 2)
