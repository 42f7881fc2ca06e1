"""The embedded log under kills, a full disk, age and newer programs."""

import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from prompt2pic.core.events import Cancelled, Version, decode_event, encode_event
from prompt2pic.core.ports import Commit, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, FRONTIER_GROUP, Reader
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.log.retention import retire
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.log.sqlite_file import checksum
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.settings import load_settings
from prompt2pic.wiring import TOPICS, build_worker
from prompt2pic.worker import upkeep
from tests.conformance.log_suite import read_all, start
from tests.servers.service import Service, eventually

ASKED, LEDGER, LETTERS = Place(REQUESTS, 0), Place(RESULTS, 0), Place(DEAD_LETTERS, 0)
DAY = 24 * 3600 * 1000  # ms
APPENDS = 10_000
SECRET = "красный кот, о котором никто не должен знать"


def open_log(path: Path) -> SqliteLog:
    """Open a log with the product's topics."""
    return SqliteLog(path, TOPICS)


def append_and_note(path: Path, writer: int, notes: Path) -> None:
    """Append 0, 1, 2, ... for ever, and note each number with its offset once it was acknowledged."""
    log, told = open_log(path), os.open(notes, os.O_WRONLY | os.O_CREAT)
    for number in itertools.count():
        offset = log.append(LEDGER, str(writer), str(number).encode())
        os.write(told, f"{number} {offset}\n".encode())


def noted(notes: Path) -> list[tuple[int, int]]:
    """Return what a writer had noted: (number, offset)."""
    lines = notes.read_text().splitlines() if notes.exists() else []
    return [(int(number), int(offset)) for number, offset in map(str.split, lines)]


@pytest.mark.parametrize("seed", [random.randrange(10**6)])
def test_killed_amid_ten_thousand_appends(tmp_path: Path, seed: int) -> None:
    """Four processes append 10,000 records and are killed at random instants: what was acknowledged is there."""
    dice, path = random.Random(seed), tmp_path / "log.sqlite3"
    open_log(path).close()
    writers = {n: start(append_and_note, path, n, tmp_path / str(n)) for n in range(4)}
    notes = [tmp_path / str(number) for number in range(4)]
    while sum(map(len, map(noted, notes))) < APPENDS:
        time.sleep(dice.uniform(0.2, 1.0))
        killed = dice.choice(list(writers))
        writers.pop(killed).kill()
        notes.append(tmp_path / str(len(notes)))
        writers[len(notes) - 1] = start(append_and_note, path, len(notes) - 1, notes[-1])
    for writer in writers.values():
        writer.kill()
        writer.join()
    with closing(open_log(path)) as log:
        kept = {record.offset: (record.key, int(record.value)) for record in read_all(log, LEDGER)}
    assert list(kept) == list(range(len(kept)))
    for writer, said in enumerate(map(noted, notes)):
        assert [kept[offset] for _, offset in said] == [(str(writer), number) for number, _ in said]
        its = [number for key, number in kept.values() if key == str(writer)]
        assert its == list(range(len(its)))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mounted], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here, which only root may: {error}")
    yield mounted
    subprocess.run(["umount", "--lazy", mounted], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to its last byte and return the file that does."""
    ballast = disk / "ballast"
    for size in (1 << 16, 1):
        with ballast.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


def test_full_disk(tmp_path: Path, disk: Path) -> None:
    """With the log's disk full the intake says so in a sentence; with room everything goes on, nothing is lost."""
    service = Service(tmp_path / "data", painter="stub:0.2", log=f"sqlite://{disk}/log.sqlite3")
    with service:
        accepted = [service.ask(f"before {number}", level="best")["id"] for number in range(3)]
        ballast = fill(disk)

        def refusal() -> dict[str, str] | None:
            answer = service.call("POST", "/v1/jobs", json={"prompt": "while full"})
            if answer.status_code == 202:
                accepted.append(answer.json()["id"])
                return None
            assert answer.status_code == 503, answer.text
            return dict(answer.json()["error"])

        error = eventually(refusal, "the disk never gets full")
        assert error["code"] == "service-unavailable"
        assert "try again" in error["message"]
        assert "log-disk-full" in service.log.read_text()
        os.kill(service.pids("prompt2pic worker")[0], signal.SIGKILL)
        time.sleep(3)
        ballast.unlink()
        eventually(lambda: refusal() is None, "the intake does not go on")
        assert [service.ended(job)["status"] for job in accepted] == ["succeeded"] * len(accepted)
    with closing(open_log(disk / "log.sqlite3")) as log:
        events = [decode_event(record.value) for record in read_all(log, LEDGER)]
    finished = [event.request for event in events if type(event).__name__ == "Finished"]  # type: ignore[union-attr]
    assert sorted(finished) == sorted(accepted)


def run_alone(data: Path, command: str) -> tuple[int, str]:
    """Run one of the product's processes to its end; return its exit code and what it said."""
    environment = os.environ | {
        "PROMPT2PIC_DATA": str(data),
        "PROMPT2PIC_PAINTER": "stub:0.1",
        "PROMPT2PIC_PORT": "0",
        "PROMPT2PIC_LANGUAGE": "en",
        "PROMPT2PIC_LOG_LEVEL": "error",
    }
    done = subprocess.run(
        [sys.executable, "-m", "prompt2pic", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_a_newer_programs_log_stops_this_one(tmp_path: Path) -> None:
    """Once a newer program has said so in the ledger, this one stops before it, with one sentence and code 2."""
    with Service(tmp_path / "data", painter="stub:0.2") as service:
        service.ended(service.ask("before", level="fast")["id"])
        with closing(open_log(service.data / "log.sqlite3")) as log:
            offset = log.append(LEDGER, "", encode_event(Version(needs=2)))
        assert service.process is not None
        assert service.process.wait(30) == 2
        assert service.processes() == {}
        assert "newer Prompt2Pic (rules 2, this one knows 1)" in service.log.read_text()
        with closing(open_log(service.data / "log.sqlite3")) as log:
            assert log.bounds(LEDGER)[1] == offset + 1
        for command in ("web", "worker"):
            code, said = run_alone(service.data, command)
            sentences = [line for line in said.splitlines() if line.startswith("prompt2pic: ")]
            assert (code, len(sentences), "update this program" in sentences[0]) == (2, 1, True), said
            assert "Traceback" not in said
        service.process = None


def test_an_unreadable_log_is_got_over(tmp_path: Path) -> None:
    """With something else in the log's place everybody waits, and goes on by themselves once a copy is put there."""
    with Service(tmp_path / "data", painter="stub:0.1") as service:
        done = service.ended(service.ask("before", level="fast")["id"])
        path, copy, junk = (service.data / name for name in ("log.sqlite3", "copy", "junk"))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        junk.write_bytes(b"in the way" * 1000)
        junk.replace(path)
        answer = service.call("POST", "/v1/jobs", json={"prompt": "not taken"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service-unavailable")
        time.sleep(2)
        copy.replace(path)
        eventually(
            lambda: service.call("POST", "/v1/jobs", json={"prompt": "x"}).status_code == 202, "no more"
        )
        assert service.ended(service.ask("after", level="fast")["id"])["status"] == "succeeded"
        assert service.job(done["id"])["completed_at"] == done["completed_at"]


def test_a_copy_made_while_it_runs_is_a_backup(tmp_path: Path) -> None:
    """A copy by SQLite's backup, in an empty folder: the queue goes on there, and what was finished stays so."""
    restored = tmp_path / "restored"
    restored.mkdir()
    with Service(tmp_path / "data", painter="stub:0.5") as service:
        done = service.ended(service.ask("done", level="fast")["id"])
        waiting = [service.ask(f"waiting {number}", level="fast")["id"] for number in range(6)]
        with (
            closing(sqlite3.connect(service.data / "log.sqlite3")) as source,
            closing(sqlite3.connect(restored / "log.sqlite3")) as target,
        ):
            source.backup(target)
        for what in ("pictures", "secret"):
            subprocess.run(["cp", "-R", service.data / what, restored], check=True)
        service.ended(waiting[-1])
    with Service(restored, painter="stub:0.1") as again:
        assert [again.ended(job)["status"] for job in waiting] == ["succeeded"] * 6
        kept = again.job(done["id"])
        assert (kept["completed_at"], kept["status"]) == (done["completed_at"], "succeeded")
        path = kept["output"][0]["url"].removeprefix(again.address)
        assert again.call("GET", path).content.startswith(b"\x89PNG")


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


def now() -> int:
    """Return the time of day in ms."""
    return time.time_ns() // 1_000_000


def test_prompts_are_gone_after_a_month(tmp_path: Path) -> None:
    """Requests are deleted after 29 days, results and dead letters after 60; no byte of a prompt is left."""
    path = tmp_path / "log.sqlite3"
    with closing(open_log(path)) as log:
        cancel(log, "one", ask(log, "one"))
        log.append(LETTERS, "one", b"{}")
        log.commit(FRONTIER_GROUP, {ASKED: Commit(1, "1")})
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
        log.commit(FRONTIER_GROUP, {ASKED: Commit(2, "1")})
        assert retire(log, now() + 100 * DAY) == 3
        assert (log.bounds(ASKED)[0], log.bounds(LEDGER)[0]) == (2, 1)
        log.commit(FRONTIER_GROUP, {ASKED: Commit(3, "not a number")})
        assert retire(log, now() + 100 * DAY) == 0


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
        log.commit(FRONTIER_GROUP, {ASKED: Commit(0, "0")})
        log.trim(ASKED, now() + DAY, 1)
        log.trim(LEDGER, now() + DAY, 1)
        ask(log, "three")
        reader = Reader(log, from_frontier=True, rebuilt=lambda reader: None)
        with closing(reader):
            while not reader.ready:
                reader.pump(1.0)
            assert reader.queue.ledgers[0].frontier == (1, 1)
            assert {job.id for job in reader.queue.open_jobs()} == {"three"}
            assert (reader.queue.known("one"), reader.queue.known("two")) == (False, True)
