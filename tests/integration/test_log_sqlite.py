"""The embedded log: the suite of all logs, and what can befall a file."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from prompt2pic.core.errors import AppendUnknown, LogTruncated, LogUnavailable
from prompt2pic.core.ports import Commit, Follower, Log, Place
from prompt2pic.log import sqlite
from prompt2pic.log.bell import bell_folder
from prompt2pic.log.sqlite import SqliteLog, TopicConfig
from tests.conformance.log_suite import (
    EVENTS,
    FIRST,
    LATEST,
    NEWEST,
    PATIENCE,
    SECOND,
    LogSuite,
    OpenLog,
    append_numbers,
    finish,
    read_all,
    spawn,
    start,
    take,
    values,
)

TOPICS = {EVENTS: TopicConfig(partitions=2), LATEST: TopicConfig(compacted=True)}
FOREVER = 1 << 60  # ms
CLOCK, YEAR = 1_800_000_000, 365 * 24 * 3600  # seconds
NOBODY = 65534  # a user without rights


def open_log(path: Path, patience: float = 10.0) -> SqliteLog:
    """Open a log with the suite's topics."""
    return SqliteLog(path, TOPICS, patience=patience)


def refusal(path: Path) -> LogUnavailable:
    """Return the error with which a file is refused."""
    with pytest.raises(LogUnavailable) as caught:
        open_log(path)
    return caught.value


class SqliteHarness:
    """A log's file in a folder of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open: OpenLog = partial(open_log, path)

    def lose_records(self) -> None:
        """Put a new log in the place of the old one."""
        aside = self.path.with_name("aside.sqlite3")
        open_log(aside).close()
        aside.replace(self.path)

    def expire(self, place: Place) -> None:
        """Trim everything."""
        log = open_log(self.path)
        log.trim(place, FOREVER, FOREVER)
        log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the log is to be: a folder whose name needs quoting."""
    folder = tmp_path / "папка #1?"
    folder.mkdir()
    return folder / "log.sqlite3"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    """Open the log."""
    log = open_log(path)
    yield log
    log.close()


@pytest.fixture
def follower(log: SqliteLog) -> Iterator[Follower]:
    """Follow one partition from the beginning."""
    follower = log.follow({FIRST: 0})
    yield follower
    follower.close()


def fill(log: Log, count: int, place: Place = FIRST) -> None:
    """Append some records."""
    for number in range(count):
        log.append(place, "key", str(number).encode())


@contextmanager
def frozen(folder: Path, folder_mode: int = 0o555) -> Iterator[None]:
    """Let no file be written in a folder, not even by root, as whom tests may run."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(folder_mode)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


class TestSqlite(LogSuite):
    """The suite, on a file."""

    @pytest.fixture
    def harness(self, path: Path) -> SqliteHarness:
        """Make a log of the suite."""
        return SqliteHarness(path)


class TestFile:
    """Which files are taken for a log."""

    @pytest.mark.parametrize(
        "content", [b"a", b"a letter\n" * 200, bytes(5000)], ids=["byte", "text", "zeros"]
    )
    def test_not_a_database(self, path: Path, content: bytes) -> None:
        """A file that is no database is refused and left as it was."""
        path.write_bytes(content)
        assert refusal(path).key == "log-file-foreign"
        assert path.read_bytes() == content

    def test_other_program(self, path: Path) -> None:
        """Another program's database is refused and left as it was."""
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE records (position INTEGER PRIMARY KEY)")
        content = path.read_bytes()
        assert refusal(path).key == "log-file-foreign"
        assert path.read_bytes() == content

    def test_newer(self, path: Path) -> None:
        """A newer program's log is refused, with both numbers."""
        open_log(path).close()
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA user_version = 7")
        error = refusal(path)
        assert (error.key, error.args_by_name["version"]) == ("log-file-newer", 7)

    def test_folder(self, path: Path) -> None:
        """A folder in the file's place, and a folder that is missing, are told apart."""
        assert refusal(path.parent).key == "log-file-is-folder"
        assert refusal(path.parent / "missing" / "log.sqlite3").key == "log-folder-missing"

    def test_read_only_folder(self) -> None:
        """A folder in which nothing may be written is refused."""
        with tempfile.TemporaryDirectory() as folder, frozen(Path(folder)):
            assert refusal(Path(folder) / "log.sqlite3").key == "log-file-not-writable"

    def test_read_only_file(self) -> None:
        """A log whose file and folder belong to someone else is refused."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "log.sqlite3")
            open_log(path).close()
            with frozen(path.parent):
                assert refusal(path).key == "log-file-not-writable"

    def test_read_only_file_in_a_folder_of_ours(self) -> None:
        """A log that may only be read is refused at once, not at the first record."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "log.sqlite3")
            open_log(path).close()
            with frozen(path.parent, folder_mode=0o777):
                assert refusal(path).key == "log-file-not-writable"

    def test_damage(self, path: Path) -> None:
        """A file cut or with flipped bits gives what was appended or is refused: never anything else."""
        with closing(open_log(path)) as log:
            fill(log, 200)
            log.commit("group", {FIRST: Commit(100)})
        content = path.read_bytes()
        for seed in range(50):
            path.write_bytes(damaged(content, random.Random(seed)))
            with suppress(LogUnavailable), closing(open_log(path)) as log:
                assert values(read_all(log, FIRST)) == [str(number).encode() for number in range(200)], seed
                assert log.committed("group") in ({}, {FIRST: Commit(100)}), seed

    def test_emptied(self, path: Path) -> None:
        """An emptied file beside what is left of a log is refused; an empty one alone becomes a log."""
        with closing(open_log(path)) as log:
            fill(log, 1)
            wal = path.with_name(path.name + "-wal").read_bytes()
        path.write_bytes(b"")
        path.with_name(path.name + "-wal").write_bytes(wal)
        assert refusal(path).key == "log-file-corrupt"
        path.with_name(path.name + "-wal").unlink()
        with closing(open_log(path)) as log:
            assert log.append(FIRST, "key", b"value") == 0

    def test_flipped_byte(self, path: Path) -> None:
        """A record of which one bit has changed is never handed out."""
        with closing(open_log(path)) as log:
            log.append(FIRST, "key", b"sound")
            log.append(FIRST, "key", b"to be delivered to Anna")
        content = path.read_bytes()
        assert content.count(b"to Anna") == 1
        path.write_bytes(content.replace(b"to Anna", b"to Inna"))
        with closing(open_log(path)) as log, closing(log.follow({FIRST: 0})) as follower:
            assert values(follower.poll(0, limit=1)) == [b"sound"]
            with pytest.raises(LogUnavailable) as caught:
                follower.poll(0)
        assert caught.value.key == "log-file-corrupt"

    def test_made_at_once(self, path: Path) -> None:
        """Processes that all find no file make one log between them."""
        barrier = spawn.Barrier(3)
        makers = [start(append_together, barrier, partial(open_log, path)) for _ in range(3)]
        for maker in makers:
            finish(maker)
        with closing(open_log(path)) as log:
            assert [record.offset for record in read_all(log, FIRST)] == list(range(30))

    def test_opened_amid_appends(self, path: Path, log: SqliteLog) -> None:
        """A log that others append to all the time is sound whenever one more process opens it."""
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                log.append(FIRST, "key", b"value")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(100):
                open_log(path).close()
        finally:
            stop.set()
            writer.join()

    def test_more_topics(self, path: Path) -> None:
        """A log opened with more topics or partitions than before keeps what it has."""
        with closing(open_log(path)) as log:
            fill(log, 2)
        more = {**TOPICS, EVENTS: TopicConfig(partitions=5), "more": TopicConfig()}
        with closing(SqliteLog(path, more)) as log:
            assert log.append(Place("more", 0), "key", b"value") == 0
            assert log.append(Place(EVENTS, 4), "key", b"value") == 0
            assert values(read_all(log, FIRST)) == [b"0", b"1"]


class TestTrouble:
    """What can go wrong while the log is in use."""

    def test_locked(self, path: Path) -> None:
        """An append gives up when another program keeps the file locked, and works when it lets go."""
        with closing(open_log(path, patience=0.2)) as log, closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LogUnavailable) as caught:
                log.append(FIRST, "key", b"value")
            assert caught.value.key == "log-file-locked"
            assert log.bounds(FIRST) == (0, 0)
            other.rollback()
            assert log.append(FIRST, "key", b"value") == 0

    def test_disk_fails(self, path: Path) -> None:
        """Where the disk fails in a commit the outcome is unknown; what was acknowledged before is kept."""
        here, there = spawn.Pipe()
        writer = start(append_until_the_disk_fails, partial(open_log, path), there)
        acknowledged, error = here.recv()
        finish(writer)
        assert error == "append-unknown"
        with closing(open_log(path)) as log:
            assert len(read_all(log, FIRST)) >= acknowledged > 0
            assert log.append(FIRST, "key", b"value") >= acknowledged

    def test_killed(self, path: Path) -> None:
        """A process killed in the middle of its appends loses none that it had been told was durable."""
        for _ in range(3):
            here, there = spawn.Pipe(duplex=False)
            writer = start(append_for_ever, partial(open_log, path), there)
            there.close()
            acknowledged = [here.recv() for _ in range(20)]
            writer.kill()
            writer.join()
            acknowledged += rest(here)
            with closing(open_log(path)) as log:
                offsets = [record.offset for record in read_all(log, FIRST)]
            assert offsets == list(range(len(offsets)))
            assert set(acknowledged) <= set(offsets)

    def test_closed(self, path: Path) -> None:
        """A closed log refuses appends with a word, as threads may meet it while a process ends."""
        log = open_log(path)
        log.close()
        with pytest.raises(LogUnavailable) as caught:
            log.append(FIRST, "key", b"value")
        assert caught.value.key == "log-closed"

    def test_unknown_place(self, log: SqliteLog) -> None:
        """A topic or partition that the log was not opened with is a mistake of the program."""
        for place in (Place("unknown", 0), Place(EVENTS, 2)):
            with pytest.raises(KeyError):
                log.append(place, "key", b"value")
            with closing(log.follow({place: 0})) as follower, pytest.raises(KeyError):
                follower.poll(0)

    def test_an_error_loses_nothing(self, path: Path) -> None:
        """A poll that fails on one partition's record returns the other's records later."""
        with closing(open_log(path)) as log:
            log.append(FIRST, "key", b"sound")
            log.append(SECOND, "key", b"to be damaged")
        content = path.read_bytes()
        path.write_bytes(content.replace(b"damaged", b"DAMAGED"))
        with closing(open_log(path)) as log, closing(log.follow({FIRST: 0, SECOND: 0})) as follower:
            with pytest.raises(LogUnavailable):
                follower.poll(0)
            assert follower.positions() == {FIRST: 0, SECOND: 0}
            assert values(follower.poll(0, limit=1)) == [b"sound"]


class TestReplaced:
    """Another file at the path, under processes that live on."""

    def test_deleted(self, path: Path, log: SqliteLog, follower: Follower) -> None:
        """While the file is gone nothing is taken; when a new one is there, readers are told."""
        fill(log, 3)
        path.unlink()
        for use in (lambda: log.append(FIRST, "key", b"value"), lambda: follower.poll(0)):
            with pytest.raises(LogUnavailable) as caught:
                use()
            assert caught.value.key == "log-file-missing"
        with closing(open_log(path)) as new:
            fill(new, 5)
            with pytest.raises(LogTruncated):
                follower.poll(PATIENCE)
            assert log.append(FIRST, "key", b"value") == 5
            assert len(read_all(new, FIRST)) == 6

    def test_waiting_reader_is_told(self, path: Path, log: SqliteLog, follower: Follower) -> None:
        """A poll that waits hears of a new file by itself, though nobody rings."""
        timer = threading.Timer(0.2, SqliteHarness(path).lose_records)
        timer.start()
        with pytest.raises(LogTruncated):
            follower.poll(2 * PATIENCE)
        timer.join()

    def test_older_copy(self, path: Path, log: SqliteLog, follower: Follower) -> None:
        """An older copy of the same log is noticed, also when it has grown past where the reader was."""
        fill(log, 2)
        copy = back_up(path)
        fill(log, 3)
        assert len(take(follower, 5)) == 5
        copy.replace(path)
        for number in range(5):
            assert log.append(FIRST, "key", f"new {number}".encode()) == 2 + number
        with pytest.raises(LogTruncated):
            follower.poll(PATIENCE)
        assert values(read_all(log, FIRST))[:3] == [b"0", b"1", b"new 0"]

    def test_older_copy_while_stopped(self, path: Path) -> None:
        """A reader that comes back with positions of a log that an older copy has replaced is told."""
        with closing(open_log(path)) as log:
            fill(log, 2)
            copy = back_up(path)
            fill(log, 3)
        copy.replace(path)
        with (
            closing(open_log(path)) as log,
            closing(log.follow({FIRST: 5})) as follower,
            pytest.raises(LogTruncated) as caught,
        ):
            follower.poll(0)
        assert caught.value.key == "log-went-back"

    def test_copies(self, path: Path, log: SqliteLog) -> None:
        """A backup made while the log is in use is a log, and so is a copy of the file and its -wal."""
        fill(log, 3)
        log.commit("group", {FIRST: Commit(2, "metadata")})
        copies = [back_up(path), copy_by_hand(path)]
        fill(log, 1)
        for copy in copies:
            with closing(open_log(copy)) as other:
                assert len(read_all(other, FIRST)) == 3
                assert other.committed("group") == {FIRST: Commit(2, "metadata")}
                assert other.append(FIRST, "key", b"value") == 3


class TestReaders:
    """How followers of a file are woken and fed."""

    def test_long_path(self, path: Path) -> None:
        """A path too long for a Unix socket's address delays no reader."""
        folder = path.parent / ("long" * 25)
        folder.mkdir()
        assert_rung(folder / "log.sqlite3")
        assert bell_folder(folder / "log.sqlite3").parent == Path(tempfile.gettempdir())
        shutil.rmtree(bell_folder(folder / "log.sqlite3"))

    def test_no_bells(self, path: Path) -> None:
        """Where no socket can be made a reader looks at the file often enough, and can be woken."""
        bell_folder(path).write_text("in the way")
        assert_rung(path)
        with closing(open_log(path)) as log, closing(log.follow({FIRST: 1})) as follower:
            follower.wake()
            assert follower.poll(PATIENCE) == []

    def test_bells_of_the_dead(self, path: Path, log: SqliteLog) -> None:
        """The bell of a killed reader is taken down by the next append, those of the living stay."""
        with closing(log.follow({FIRST: 0})):
            here, there = spawn.Pipe()
            reader = start(follow_for_ever, partial(open_log, path), there)
            here.recv()
            reader.kill()
            reader.join()
            assert len(list(bell_folder(path).iterdir())) == 2
            fill(log, 1)
            assert len(list(bell_folder(path).iterdir())) == 1
        assert list(bell_folder(path).iterdir()) == []

    def test_fair(self, log: SqliteLog) -> None:
        """A partition with much to read does not keep others waiting."""
        fill(log, 20)
        fill(log, 1, SECOND)
        with closing(log.follow({FIRST: 0, SECOND: 0})) as follower:
            places = {record.place for _ in range(2) for record in follower.poll(0, limit=5)}
        assert places == {FIRST, SECOND}

    def test_compacted_at_once(self, log: SqliteLog) -> None:
        """An append to a compacted topic deletes the older record of its key, and of no other topic."""
        for place in (NEWEST, NEWEST, FIRST, FIRST):
            log.append(place, "key", b"value")
        assert [record.offset for record in read_all(log, NEWEST)] == [1]
        assert [record.offset for record in read_all(log, FIRST)] == [0, 1]

    def test_trim(self, log: SqliteLog) -> None:
        """Trimming deletes what is older than a time, in one partition, and tells how many records."""
        fill(log, 3)
        fill(log, 1, SECOND)
        oldest = read_all(log, FIRST)[0].timestamp
        assert log.trim(FIRST, oldest, FOREVER) == 0
        assert log.trim(FIRST, FOREVER, FOREVER) == 3
        assert log.bounds(SECOND) == (0, 1)

    def test_the_machines_clock_is_the_logs(self, log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where it jumps to the stamps jump too, and back: a wrong minute is not made a wrong year."""
        for seconds in (CLOCK, CLOCK + 4 * YEAR, CLOCK + 2, CLOCK - 24 * 3600, CLOCK + 3):
            monkeypatch.setattr(sqlite.time, "time_ns", lambda seconds=seconds: seconds * 10**9)
            fill(log, 1)
        stamps = [record.timestamp // 1000 - CLOCK for record in read_all(log, FIRST)]
        assert stamps == [0, 4 * YEAR, 2, -24 * 3600, 3]

    def test_trim_after_a_jump(self, log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a wrong clock stamped years ahead goes with the next record, neither before it nor years later."""
        for seconds in (CLOCK, CLOCK + 4 * YEAR, CLOCK + 4 * YEAR, CLOCK + 20, CLOCK - 50, CLOCK + 4 * YEAR):
            monkeypatch.setattr(sqlite.time, "time_ns", lambda seconds=seconds: seconds * 10**9)
            fill(log, 1)
        now = (CLOCK + 100) * 1000
        assert log.trim(FIRST, (CLOCK + 20) * 1000, now) == 1
        assert log.trim(FIRST, (CLOCK + 21) * 1000, now) == 4
        assert log.bounds(FIRST) == (5, 6)
        assert log.trim(FIRST, (CLOCK + 5 * YEAR) * 1000, (CLOCK + 6 * YEAR) * 1000) == 1

    def test_trim_takes_many_steps(self, log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
        """However few records a step may delete, all that are old go, also where a wrong clock stamped most."""
        monkeypatch.setattr(sqlite, "TRIM_STEP", 2)
        for seconds in (CLOCK, *[CLOCK + 4 * YEAR] * 5, CLOCK + 1, CLOCK + 2, CLOCK + 3):
            monkeypatch.setattr(sqlite.time, "time_ns", lambda seconds=seconds: seconds * 10**9)
            fill(log, 1)
        assert log.trim(FIRST, (CLOCK + 3) * 1000, (CLOCK + 100) * 1000) == 8

    def test_woken_by_signals(self, log: SqliteLog, follower: Follower) -> None:
        """A handler of signals may wake a poll at any moment of it: nobody waits for themselves."""
        calls = 0

        def wake(*_: object) -> None:
            nonlocal calls
            calls += 1
            follower.wake()

        before = signal.signal(signal.SIGALRM, wake)
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        try:
            for _ in range(100_000):
                assert follower.poll(0.0) == []
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)
        assert calls >= 100

    def test_expired_under_a_reader(self, log: SqliteLog, follower: Follower) -> None:
        """A reader in the middle of what retention drops goes on behind it."""
        fill(log, 5)
        assert len(follower.poll(0, limit=2)) == 2
        log.trim(FIRST, FOREVER, FOREVER)
        assert follower.poll(0) == []
        fill(log, 1)
        assert [record.offset for record in take(follower, 1)] == [5]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file's content with a few bits flipped, and one time in five cut short."""
    bits = bytearray(content)
    for _ in range(chance.choice((1, 1, 5))):
        bits[chance.randrange(len(bits))] ^= 1 << chance.randrange(8)
    return bytes(bits[: chance.randrange(1, len(bits))] if chance.random() < 0.2 else bits)


def back_up(path: Path) -> Path:
    """Copy a database in use with SQLite's backup."""
    copy = path.with_name("backup.sqlite3")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def copy_by_hand(path: Path) -> Path:
    """Copy a database and its -wal in another process: a plain `open` here would drop SQLite's locks."""
    copy = path.with_name("copy.sqlite3")
    for ending in ("", "-wal"):
        subprocess.run(["cp", f"{path}{ending}", f"{copy}{ending}"], check=True)
    return copy


def assert_rung(path: Path) -> None:
    """Prove that a reader hears of an append by another thread."""
    with closing(open_log(path)) as log, closing(log.follow({FIRST: 0})) as follower:
        timer = threading.Timer(0.1, log.append, (FIRST, "key", b"value"))
        timer.start()
        assert values(follower.poll(PATIENCE)) == [b"value"]
        timer.join()


def append_together(barrier: Barrier, opening: OpenLog) -> None:
    """Open a log at the same time as others, and append."""
    barrier.wait(PATIENCE)
    append_numbers(opening, FIRST, "key", 10)


def append_for_ever(opening: OpenLog, told: Connection) -> None:
    """Append and tell each offset."""
    log = opening()
    while True:
        told.send(log.append(FIRST, "key", b"value"))


def append_until_the_disk_fails(opening: OpenLog, told: Connection) -> None:
    """Append to a disk that stops taking more, and tell how many were acknowledged and the error's key."""
    log = opening()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    acknowledged = 0
    try:
        while True:
            acknowledged = log.append(FIRST, "key", bytes(1000)) + 1
    except AppendUnknown as error:
        told.send((acknowledged, error.key))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    log.append(FIRST, "key", b"the disk works again")
    log.close()


def follow_for_ever(opening: OpenLog, told: Connection) -> None:
    """Follow, say so, and hear nothing."""
    follower = opening().follow({FIRST: 0})
    told.send("following")
    follower.poll(1000.0)


def rest(pipe: Connection) -> list[int]:
    """Return what a dead process had still said."""
    said = []
    with suppress(EOFError):
        while True:
            said.append(pipe.recv())
    return said
