"""What the embedded log costs, against a bare durable append to SQLite in the same run."""

import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench.figures import figure
from prompt2pic.core.ports import Place
from prompt2pic.log.sqlite import SqliteLog, TopicConfig

TOPICS = {"results": TopicConfig(partitions=4), "workers": TopicConfig(compacted=True)}
PLACE = Place("results", 0)
KEY, VALUE = "0" * 36, b"x" * 250  # about the size of an event
IDLE = 10.0  # seconds
Append = Callable[[], object]
Open = Callable[[Path], Append]

_spawn = multiprocessing.get_context("spawn")


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def timed(action: Append) -> float:
    """Return how many seconds an action took."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def bare(path: Path) -> Append:
    """Return a bare durable append: one insert and its commit."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60.0)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS bare (position INTEGER PRIMARY KEY, key TEXT, value BLOB)")
    return lambda: connection.execute("INSERT INTO bare (key, value) VALUES (?, ?)", (KEY, VALUE))


def ours(path: Path) -> Append:
    """Return an append to the log."""
    log = SqliteLog(path, TOPICS)
    return lambda: log.append(PLACE, KEY, VALUE)


def appends(folder: Path, count: int = 2000) -> tuple[list[float], list[float]]:
    """Return the seconds of bare appends and of the log's, taken in turn."""
    reference, own = bare(folder / "bare.db"), ours(folder / "log.db")
    pairs = [(timed(reference), timed(own)) for _ in range(count)]
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


def _write(opened: Open, path: Path, count: int, start: Barrier, took: Connection) -> None:
    append = opened(path)
    start.wait()
    took.send([timed(append) for _ in range(count)])


def rate(opened: Open, path: Path, processes: int, count: int = 3000) -> tuple[float, float]:
    """Return appends a second of some processes together, and the p95 of one append in seconds."""
    opened(path)
    start = _spawn.Barrier(processes + 1)
    pipes = [_spawn.Pipe() for _ in range(processes)]
    children = [
        _spawn.Process(target=_write, args=(opened, path, count // processes, start, there))
        for _, there in pipes
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


def _print_latencies(folder: Path) -> None:
    reference, own = appends(folder)
    bare_ms = percentile(reference, 0.5) * 1e3
    ratio = percentile(own, 0.5) * 1e3 / bare_ms
    figure(
        "an append to the embedded log",
        ratio,
        "x",
        limit=1.3,
        beside=f"a bare durable append: {bare_ms:.3f} ms",
    )
    there = percentile(wake_ups(folder), 0.95) * 1e3
    figure("from an append until another process has it, p95", there, "ms", limit=5)


def _print_rates(folder: Path) -> None:
    for processes in (1, 2, 4):
        reference = rate(bare, folder / f"bare-{processes}.db", processes)
        own = rate(ours, folder / f"log-{processes}.db", processes)
        what = f"appends by {processes} process{'es' * (processes > 1)} at once"
        beside = f"bare: {reference[0]:,.0f} 1/s; one takes {own[1] * 1e3:.1f} ms (p95)"
        figure(what, own[0], "1/s", beside=beside, curve="appends a second, by processes", at=processes)


def main() -> None:
    """Print the table; the folder to measure in may be given."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        _print_latencies(folder)
        figure("an idle follower of the log, of a core", idle_share(folder), "%", limit=0.01)
        _print_rates(folder)


if __name__ == "__main__":
    main()
