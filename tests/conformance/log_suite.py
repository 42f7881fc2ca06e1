"""What every log does, whatever keeps it."""

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

import pytest

from prompt2pic.core.errors import LogTruncated, RecordTooLarge
from prompt2pic.core.ports import Commit, Follower, Log, Place, Record

EVENTS, LATEST = "events", "latest"  # a topic of two partitions, and a compacted one of one
FIRST, SECOND, NEWEST = Place(EVENTS, 0), Place(EVENTS, 1), Place(LATEST, 0)
PATIENCE = 30.0  # seconds that anything may take on a busy machine
OpenLog = Callable[[], Log]

spawn = multiprocessing.get_context("spawn")


class LogHarness(Protocol):
    """A log that one test has for itself; `open` can be pickled, so that other processes open it too."""

    open: OpenLog

    def lose_records(self) -> None:
        """Make offsets go back, as when an older copy is restored."""

    def expire(self, place: Place) -> None:
        """Have retention drop all records that a place holds."""


def take(follower: Follower, count: int, limit: int = 1000) -> list[Record]:
    """Return the next `count` records, and more only where they came along."""
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE
    while len(records) < count and time.monotonic() < deadline:
        records += follower.poll(1.0, limit)
    return records


def read_all(log: Log, place: Place) -> list[Record]:
    """Return all records a place holds."""
    earliest, end = log.bounds(place)
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE
    with closing(log.follow({place: earliest})) as follower:
        while follower.positions()[place] < end and time.monotonic() < deadline:
            records += follower.poll(1.0)
    return records


def values(records: list[Record]) -> list[bytes]:
    """Return what records say."""
    return [record.value for record in records]


def poll_until_it_fails(follower: Follower) -> None:
    """Poll until an error is raised; the caller says which."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        follower.poll(0.2)


def append_numbers(open_log: OpenLog, place: Place, key: str, count: int) -> None:
    """Append 0, 1, 2, ... under a key; what other processes do."""
    log = open_log()
    for number in range(count):
        log.append(place, key, str(number).encode())
    log.close()


def start(target: Callable[..., None], *args: object) -> multiprocessing.process.BaseProcess:
    """Start another process that ends with this one at the latest."""
    process = spawn.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def finish(process: multiprocessing.process.BaseProcess) -> None:
    """Wait for a process that must end well."""
    process.join(PATIENCE)
    assert process.exitcode == 0
    process.close()


class LogSuite:
    """Inherit, and give the fixture `harness`."""

    @pytest.fixture
    def log(self, harness: LogHarness) -> Iterator[Log]:
        """Open the log."""
        log = harness.open()
        yield log
        log.close()

    @pytest.fixture
    def follower(self, log: Log) -> Iterator[Follower]:
        """Follow both partitions from the beginning."""
        follower = log.follow({FIRST: 0, SECOND: 0})
        yield follower
        follower.close()

    def test_offsets(self, log: Log) -> None:
        """An append returns the offset that `bounds` foretold, and they count up by one."""
        ends = [log.bounds(FIRST)[1]]
        for _ in range(5):
            assert log.append(FIRST, "key", b"value") == ends[-1]
            ends.append(log.bounds(FIRST)[1])
        assert ends == list(range(6))
        assert log.bounds(FIRST)[0] == 0

    def test_round_trip(self, log: Log, follower: Follower) -> None:
        """Key, value, place and offset come back as they went in, whatever bytes they hold."""
        given = [("", b"\0\xff"), ("ключ\0🖼", b""), ("key", bytes(range(256)))]
        for key, value in given:
            log.append(FIRST, key, value)
        records = take(follower, 3)
        assert [(record.key, record.value) for record in records] == given
        assert [(record.place, record.offset) for record in records] == [(FIRST, n) for n in range(3)]

    def test_order(self, log: Log, follower: Follower) -> None:
        """Records come in the order of their appends within a partition, over many polls."""
        for number in range(60):
            log.append(Place(EVENTS, number % 2), "key", str(number).encode())
        records = take(follower, 60, limit=7)
        for place in (FIRST, SECOND):
            numbers = [int(record.value) for record in records if record.place == place]
            assert numbers == list(range(place.partition, 60, 2))

    def test_partitions_are_independent(self, log: Log) -> None:
        """An append to one partition moves neither offsets nor readers of another."""
        log.append(FIRST, "key", b"first")
        follower = log.follow({SECOND: 0})
        assert follower.poll(0.1) == []
        assert log.bounds(SECOND) == (0, 0)
        assert log.append(SECOND, "key", b"second") == 0
        assert values(take(follower, 1)) == [b"second"]
        follower.close()

    def test_partition_numbers(self, log: Log) -> None:
        """The log knows how many partitions a topic has."""
        assert (log.partitions(EVENTS), log.partitions(LATEST)) == (2, 1)

    def test_timestamps(self, log: Log) -> None:
        """The log's own time is on each record, in ms; where its clock jumps it may go back."""
        for _ in range(20):
            log.append(FIRST, "key", b"value")
        stamps = [record.timestamp for record in read_all(log, FIRST)]
        assert all(abs(stamp / 1000 - time.time()) < PATIENCE for stamp in stamps)

    def test_durable(self, harness: LogHarness) -> None:
        """What was appended is there when the log is opened again, and offsets go on from there."""
        for number in range(3):
            log = harness.open()
            assert log.append(FIRST, "key", str(number).encode()) == number
            assert values(read_all(log, FIRST)) == [str(n).encode() for n in range(number + 1)]
            log.close()

    def test_several_openings(self, harness: LogHarness, log: Log, follower: Follower) -> None:
        """What goes in through one opening of the log comes out of another."""
        other = harness.open()
        assert other.append(FIRST, "key", b"theirs") == 0
        assert log.append(FIRST, "key", b"ours") == 1
        assert values(take(follower, 2)) == [b"theirs", b"ours"]
        other.close()

    def test_threads(self, log: Log) -> None:
        """Threads that share a log get offsets of their own, none left out, while another one reads."""
        offsets: list[int] = []

        def write() -> None:
            offsets.extend(log.append(FIRST, "key", b"value") for _ in range(25))

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        follower = log.follow({FIRST: 0})
        records = take(follower, 100)
        follower.close()
        for thread in threads:
            thread.join()
        assert sorted(offsets) == [record.offset for record in records] == list(range(100))

    def test_processes(self, harness: LogHarness, log: Log) -> None:
        """Two processes append at once: offsets are dense, and each one's records keep their order."""
        writers = [start(append_numbers, harness.open, FIRST, key, 100) for key in "ab"]
        for writer in writers:
            finish(writer)
        records = read_all(log, FIRST)
        assert [record.offset for record in records] == list(range(200))
        for key in "ab":
            assert [int(record.value) for record in records if record.key == key] == list(range(100))

    def test_positions(self, log: Log) -> None:
        """A follower starts at the offset it was given and tells the next one it will read."""
        for number in range(5):
            log.append(FIRST, "key", str(number).encode())
        follower = log.follow({FIRST: 3, SECOND: 0})
        assert follower.positions() == {FIRST: 3, SECOND: 0}
        assert values(take(follower, 2)) == [b"3", b"4"]
        assert follower.positions() == {FIRST: 5, SECOND: 0}
        follower.close()

    def test_restart_in_the_middle(self, harness: LogHarness, log: Log) -> None:
        """A reader that stops after some records and goes on from its positions sees each record once."""
        for number in range(10):
            log.append(FIRST, "key", str(number).encode())
        seen: list[bytes] = []
        positions = {FIRST: 0}
        while len(seen) < 10:
            reader = harness.open()
            follower = reader.follow(positions)
            seen += values(take(follower, 1, limit=3))
            positions = follower.positions()
            follower.close()
            reader.close()
        assert seen == [str(number).encode() for number in range(10)]

    def test_limit(self, log: Log, follower: Follower) -> None:
        """A poll returns at most `limit` records, and the others come next: a slow reader loses none."""
        for number in range(20):
            log.append(Place(EVENTS, number % 2), "key", str(number).encode())
        seen: list[int] = []
        while len(seen) < 20:
            batch = follower.poll(PATIENCE, limit=3)
            assert 1 <= len(batch) <= 3
            seen += [int(value) for value in values(batch)]
        assert sorted(seen) == list(range(20))

    def test_nothing_new(self, log: Log, follower: Follower) -> None:
        """A poll that meets nothing new waits for its timeout and returns nothing."""
        begun = time.monotonic()
        assert follower.poll(0.3) == []
        assert time.monotonic() - begun >= 0.25
        log.append(FIRST, "key", b"value")
        assert values(take(follower, 1)) == [b"value"]
        assert follower.poll(0.05) == []

    def test_woken_by_another_process(self, harness: LogHarness, follower: Follower) -> None:
        """A poll that waits returns with what another process appends, long before its timeout."""
        begun = time.monotonic()
        writer = start(append_numbers, harness.open, SECOND, "key", 1)
        records = follower.poll(2 * PATIENCE)
        assert values(records) == [b"0"]
        assert time.monotonic() - begun < PATIENCE
        finish(writer)

    def test_woken_by_a_thread(self, follower: Follower) -> None:
        """`wake` from another thread ends a poll that waits; it returns nothing, and the next one waits."""
        begun = time.monotonic()
        timer = threading.Timer(0.2, follower.wake)
        timer.start()
        assert follower.poll(2 * PATIENCE) == []
        assert time.monotonic() - begun < PATIENCE
        timer.join()
        begun = time.monotonic()
        assert follower.poll(0.3) == []
        assert time.monotonic() - begun >= 0.25

    def test_woken_too_early(self, follower: Follower) -> None:
        """A `wake` just before the poll counts for that poll: a reader that is to stop does not miss it."""
        follower.wake()
        begun = time.monotonic()
        assert follower.poll(2 * PATIENCE) == []
        assert time.monotonic() - begun < PATIENCE

    def test_record_too_large(self, log: Log) -> None:
        """A record of over 1 MB is refused, with its size and the limit, and leaves nothing behind."""
        with pytest.raises(RecordTooLarge) as caught:
            log.append(FIRST, "key", bytes(1_100_000))
        assert caught.value.key == "record-too-large"
        assert {"size", "limit"} <= caught.value.args_by_name.keys()
        assert log.bounds(FIRST) == (0, 0)
        assert log.append(FIRST, "key", bytes(900_000)) == 0

    def test_large_records(self, log: Log, follower: Follower) -> None:
        """Records near the limit all arrive, though a poll may return fewer than its limit of them."""
        for number in range(12):
            log.append(FIRST, "key", bytes([number]) * 900_000)
        assert [value[0] for value in values(take(follower, 12))] == list(range(12))

    def test_commit(self, harness: LogHarness, log: Log) -> None:
        """The log holds a group's positions and metadata; a newer commit of a place replaces the older."""
        metadata = "я" * 2048
        log.commit("frontier", {FIRST: Commit(3, "old"), SECOND: Commit(0, metadata)})
        log.commit("frontier", {FIRST: Commit(7, '{"results": 12}')})
        expected = {FIRST: Commit(7, '{"results": 12}'), SECOND: Commit(0, metadata)}
        assert log.committed("frontier") == expected
        other = harness.open()
        assert other.committed("frontier") == expected
        other.close()

    def test_commit_is_missing(self, log: Log) -> None:
        """A group that never committed, or whose commits are gone, has none; it sees no other group's."""
        log.commit("frontier", {FIRST: Commit(1)})
        assert log.committed("another") == {}

    def test_position_past_the_end(self, log: Log) -> None:
        """A position that the log has not reached means that offsets went back: projections are void."""
        log.append(FIRST, "key", b"value")
        follower = log.follow({FIRST: 2})
        with pytest.raises(LogTruncated):
            poll_until_it_fails(follower)
        follower.close()

    def test_truncation(self, harness: LogHarness, log: Log, follower: Follower) -> None:
        """A follower is told when offsets went back, again and again; a new one reads what there is now."""
        for _ in range(3):
            log.append(FIRST, "key", b"lost")
        assert len(take(follower, 3)) == 3
        harness.lose_records()
        for _ in range(2):
            with pytest.raises(LogTruncated):
                poll_until_it_fails(follower)
        assert log.append(FIRST, "key", b"new") == 0
        assert values(read_all(log, FIRST)) == [b"new"]

    def test_retention(self, harness: LogHarness, log: Log) -> None:
        """Expired records are gone, their offsets are not used again, and readers go on behind them."""
        for _ in range(3):
            log.append(FIRST, "key", b"expired")
        harness.expire(FIRST)
        assert log.bounds(FIRST) == (3, 3)
        assert log.append(FIRST, "key", b"kept") == 3
        assert log.bounds(FIRST) == (3, 4)
        with closing(log.follow({FIRST: 0})) as follower:  # one that ran before may have fetched them in time
            assert [(record.offset, record.value) for record in take(follower, 1)] == [(3, b"kept")]

    def test_compacted(self, log: Log) -> None:
        """A compacted topic keeps the newest record of each key, in the order of offsets."""
        for number, key in itertools.product(range(4), "abc"):
            log.append(NEWEST, key, f"{key}{number}".encode())
        records = read_all(log, NEWEST)
        assert values(records)[-3:] == [b"a3", b"b3", b"c3"]
        assert [record.offset for record in records] == sorted({record.offset for record in records})
        assert log.append(NEWEST, "a", b"a4") == 12
