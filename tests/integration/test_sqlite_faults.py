"""The embedded log under kills, a full disk, damage and newer programs; and its backup."""

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

import pytest

from prompt2pic.core.events import Version, decode_event, encode_event
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import RESULTS
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.wiring import TOPICS
from tests.conformance.log_suite import read_all, start
from tests.servers.service import Service, eventually

LEDGER = Place(RESULTS, 0)
APPENDS = 10_000


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
