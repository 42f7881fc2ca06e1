"""What the embedded log forgets by itself, and what a reader makes of it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from prompt2pic.core.events import Cancelled, encode_event
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of
from prompt2pic.core.ports import Commit, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, FRONTIER_GROUP, SETTINGS, WORKERS, Reader
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.log.retention import retire
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.log.sqlite_file import checksum
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.settings import load_settings
from prompt2pic.wiring import TOPICS, build_worker
from prompt2pic.worker import upkeep
from tests.conformance.log_suite import read_all
from tests.servers.service import eventually

ASKED, LEDGER, LETTERS = Place(REQUESTS, 0), Place(RESULTS, 0), Place(DEAD_LETTERS, 0)
DAY = 24 * 3600 * 1000  # ms
SECRET = "красный кот, о котором никто не должен знать"


def open_log(path: Path) -> SqliteLog:
    """Open a log with the product's topics."""
    return SqliteLog(path, TOPICS)


def ask(log: SqliteLog, name: str) -> int:
    """Put a request on the log."""
    body = Request(id=name, person="anna", prompt=SECRET, seed=1)
    return log.append(ASKED, name, encode_request(body))


def cancel(log: SqliteLog, name: str, at: int) -> int:
    """End a request."""
    return log.append(LEDGER, name, encode_event(Cancelled(request=name, at=at, by="person")))


def grow_old(path: Path, days: float) -> None:
    """Make everything in a log's file older."""
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute("SELECT position, key, value, timestamp FROM records").fetchall()
        for position, key, value, timestamp in rows:
            then = timestamp - int(days * DAY)
            check = checksum(position, key, value, then)
            update = "UPDATE records SET timestamp = ?, checksum = ? WHERE position = ?"
            connection.execute(update, (then, check, position))


def frontier(requests: int, results: int) -> Commit:
    """Return the commit of a frontier by a reader that has read no further."""
    return commit_of(Mark(Frontier(requests, results), requests, results))


def now() -> int:
    """Return the time of day in ms."""
    return time.time_ns() // 1_000_000


def test_prompts_are_gone_after_a_month(tmp_path: Path) -> None:
    """Requests are deleted after 29 days, results and dead letters after 60; no byte of a prompt is left."""
    path = tmp_path / "log.sqlite3"
    with closing(open_log(path)) as log:
        cancel(log, "one", ask(log, "one"))
        log.append(LETTERS, "one", b"{}")
        log.commit(FRONTIER_GROUP, {ASKED: frontier(1, 1)})
        assert retire(log, now() + 28 * DAY) == 0
        assert retire(log, now() + 30 * DAY) == 1
        assert (log.bounds(ASKED), log.bounds(LEDGER), log.bounds(LETTERS)) == ((1, 1), (0, 1), (0, 1))
        assert not any(SECRET.encode() in file.read_bytes() for file in files(tmp_path))
        assert retire(log, now() + 61 * DAY) == 2
        assert (log.bounds(LEDGER), log.bounds(LETTERS)) == ((1, 1), (1, 1))


def files(folder: Path) -> list[Path]:
    """Return the files in a folder."""
    return [file for file in folder.iterdir() if file.is_file()]


def test_nothing_before_the_frontier_is_deleted(tmp_path: Path) -> None:
    """However old it is, a record that a worker would still read at its start is kept."""
    with closing(open_log(tmp_path / "log.sqlite3")) as log:
        for name in ("one", "two", "three"):
            cancel(log, name, ask(log, name))
        assert retire(log, now() + 100 * DAY) == 0
        log.commit(FRONTIER_GROUP, {ASKED: frontier(2, 1)})
        assert retire(log, now() + 100 * DAY) == 3
        assert (log.bounds(ASKED)[0], log.bounds(LEDGER)[0]) == (2, 1)
        log.commit(FRONTIER_GROUP, {ASKED: Commit(3, "not a number")})
        assert retire(log, now() + 100 * DAY) == 0


def test_names_of_workers_go_after_a_week(tmp_path: Path) -> None:
    """A worker that was silent for a week leaves nothing; one that is there, and the owner's settings, stay."""
    path = tmp_path / "log.sqlite3"
    crew, rules = Place(WORKERS, 0), Place(SETTINGS, 0)
    with closing(open_log(path)) as log:
        for name in ("pod-1", "pod-2", "stays"):
            log.append(crew, name, b"{}")
        log.append(rules, "drain", b"{}")
        grow_old(path, 8)
        log.append(crew, "stays", b"{}")
        assert retire(log, time.time_ns() // 1_000_000) == 2
        assert [record.key for record in read_all(log, crew)] == ["stays"]
        assert [record.key for record in read_all(log, rules)] == ["drain"]


def test_a_worker_retires_what_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker moves the frontier and deletes what lies a month behind it, without anybody's doing."""
    monkeypatch.setattr(upkeep, "_FIRST", 0.0)
    monkeypatch.setenv("PROMPT2PIC_PAINTER", "stub:0.1")
    path = tmp_path / "log.sqlite3"
    with closing(open_log(path)) as log:
        cancel(log, "old", ask(log, "old"))
        grow_old(path, 40)
        young = ask(log, "young")
        worker = build_worker(load_settings(data=tmp_path), Metrics(), Health(), lambda fraction, what: None)
        thread = Thread(target=worker.run)
        thread.start()
        try:
            eventually(lambda: log.bounds(ASKED)[0] == young, "nothing is retired")
            eventually(lambda: b'"finished"' in read_all(log, LEDGER)[-1].value, "nothing is painted")
        finally:
            worker.stop()
            thread.join(30)
        kinds = [msgspec.json.decode(record.value)["type"] for record in read_all(log, LEDGER)]
        assert kinds[:2] == ["cancelled", "claimed"]


def test_a_frontier_that_retention_has_passed(tmp_path: Path) -> None:
    """A reader whose committed frontier lies before the earliest record folds anew from the earliest."""
    with closing(open_log(tmp_path / "log.sqlite3")) as log:
        for name in ("one", "two"):
            cancel(log, name, ask(log, name))
        log.commit(FRONTIER_GROUP, {ASKED: frontier(0, 0)})
        log.trim(ASKED, now() + DAY, now() + DAY, 1)
        log.trim(LEDGER, now() + DAY, now() + DAY, 1)
        ask(log, "three")
        reader = Reader(log, from_frontier=True, rebuilt=lambda reader: None)
        with closing(reader):
            while not reader.ready:
                reader.pump(1.0)
            assert reader.queue.ledgers[0].frontier == Frontier(1, 1)
            assert {job.id for job in reader.queue.open_jobs()} == {"three"}
            assert (reader.queue.known("one"), reader.queue.known("two")) == (False, True)
