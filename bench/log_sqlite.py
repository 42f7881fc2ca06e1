"""What the embedded log costs, against a bare durable append to SQLite in the same run."""

import multiprocessing
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from prompt2pic.core.ports import Place
from prompt2pic.log.sqlite import SqliteLog, TopicConfig

TOPICS = {"results": TopicConfig(partitions=4), "workers": TopicConfig(compacted=True)}
PLACE = Place("results", 0)
KEY, VALUE = "0" * 36, b"x" * 250  # about the size of an event
IDLE = 10.0  # seconds
_spawn = multiprocessing.get_context("spawn")


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds an action took."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def bare(path: Path) -> Callable[[], object]:
    """Return a bare durable append: one insert and its commit."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE bare (position INTEGER PRIMARY KEY, key TEXT, value BLOB)")
    return lambda: connection.execute("INSERT INTO bare (key, value) VALUES (?, ?)", (KEY, VALUE))


def appends(folder: Path, count: int = 2000) -> tuple[list[float], list[float]]:
    """Return the seconds of bare appends and of the log's, taken in turn."""
    log = SqliteLog(folder / "append.db", TOPICS)
    reference = bare(folder / "bare.db")
    pairs = [(timed(reference), timed(lambda: log.append(PLACE, KEY, VALUE))) for _ in range(count)]
    log.close()
    return [pair[0] for pair in pairs[50:]], [pair[1] for pair in pairs[50:]]


def _listen(path: Path, count: int, told: Connection) -> None:
    log = SqliteLog(path, TOPICS)
    follower = log.follow({PLACE: 0})
    told.send("ready")
    heard: list[int] = []
    while len(heard) < count:
        records = follower.poll(10.0)
        heard += [time.monotonic_ns()] * len(records)
    told.send(heard)
    follower.close()
    log.close()


def wake_ups(folder: Path, count: int = 1000) -> list[float]:
    """Return the seconds from an append's begin until another process holds the record."""
    log = SqliteLog(folder / "wake.db", TOPICS)
    here, there = _spawn.Pipe()
    child = _spawn.Process(target=_listen, args=(folder / "wake.db", count, there))
    child.start()
    here.recv()
    begun = []
    for _ in range(count):
        time.sleep(random.uniform(0.001, 0.006))
        begun.append(time.monotonic_ns())
        log.append(PLACE, KEY, VALUE)
    heard = here.recv()
    child.join()
    log.close()
    return [(end - start) / 1e9 for start, end in zip(begun, heard, strict=True)]


def idle_share(folder: Path) -> float:
    """Return the share of a core that a waiting follower takes."""
    log = SqliteLog(folder / "idle.db", TOPICS)
    follower = log.follow({PLACE: 0})
    begun, used = time.monotonic(), time.process_time()
    follower.poll(IDLE)
    share = (time.process_time() - used) / (time.monotonic() - begun)
    follower.close()
    log.close()
    return share


def _write(path: Path, count: int, start: Barrier, took: Connection) -> None:
    log = SqliteLog(path, TOPICS)
    start.wait()
    took.send([timed(lambda: log.append(PLACE, KEY, VALUE)) for _ in range(count)])
    log.close()


def rate(folder: Path, processes: int, count: int = 3000) -> tuple[float, float]:
    """Return appends a second of some processes together, and the p95 of one append in seconds."""
    start = _spawn.Barrier(processes + 1)
    pipes = [_spawn.Pipe() for _ in range(processes)]
    path = folder / f"rate-{processes}.db"
    children = [
        _spawn.Process(target=_write, args=(path, count // processes, start, there)) for _, there in pipes
    ]
    for child in children:
        child.start()
    start.wait()
    begun = time.perf_counter()
    took = [seconds for here, _ in pipes for seconds in here.recv()]
    wall = time.perf_counter() - begun
    for child in children:
        child.join()
    return len(took) / wall, percentile(took, 0.95)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        reference, ours = appends(folder)
        unit = statistics.median(reference)
        print(f"{'':34}{'p50 ms':>9}{'p95 ms':>9}{'p50 x bare':>12}{'p95 x bare':>12}")
        for title, took in (
            ("bare durable append", reference),
            ("append", ours),
            ("append to another process's poll", wake_ups(folder)),
        ):
            p50, p95 = percentile(took, 0.5), percentile(took, 0.95)
            print(
                f"{title:34}{p50 * 1e3:9.3f}{p95 * 1e3:9.3f}{p50 / unit:12.2f}"
                f"{p95 / percentile(reference, 0.95):12.2f}"
            )
        print(f"{'idle follower, share of a core':34}{idle_share(folder):9.3%}")
        for processes in (1, 2, 4):
            each, p95 = rate(folder, processes)
            print(
                f"{f'appends/s of {processes} processes':34}{each:9.0f}{p95 * 1e3:9.3f}"
                f"{each * unit:12.2f} of one bare writer's rate"
            )


if __name__ == "__main__":
    main()
