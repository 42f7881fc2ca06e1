"""What the queue adds to a picture: from submit to finished, less the painting, against bare durable appends.

python -m bench.overhead [--requests 200]
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench.figures import figure
from tests.servers.service import Service

PAINTING = 0.05  # seconds of the stub painter at its best level
APPENDS = 4  # of a request: itself, claimed, started, finished


def main() -> None:
    """Print the overhead's median and p95, and the p95 as a multiple of the reference in the same run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        bare = [four_appends(Path(folder) / "bare.sqlite3") for _ in range(3)]
        settings = {"quota_day": "100000"}
        with Service(Path(folder) / "data", painter=f"stub:{PAINTING}", **settings) as service:
            spent = overheads(service, requests)
        bare += [four_appends(Path(folder) / "bare.sqlite3") for _ in range(3)]
    reference = statistics.median(bare)
    beside = f"four bare durable appends: {reference * 1000:.2f} ms"
    goal = (3 * reference + 0.01) * 1000
    figure(
        "overhead of a picture over HTTP, p95", quantile(spent, 0.95) * 1000, "ms", limit=goal, beside=beside
    )
    figure("the same, median", statistics.median(spent) * 1000, "ms", beside=beside)


def overheads(service: Service, requests: int) -> list[float]:
    """Return, for each of some requests one after the other, the seconds beyond the painting."""
    with httpx.Client(base_url=service.address, timeout=30) as client:
        ask(client)
        return [timed(lambda: ask(client)) - PAINTING for _ in range(requests)]


def ask(client: httpx.Client) -> None:
    """Ask for a picture and wait for its address."""
    body = {"prompt": "кот", "quality": "best", "response_format": "url"}
    client.post("/v1/images/generations", json=body).raise_for_status()


def four_appends(path: Path) -> float:
    """Return the median seconds of four inserts, each durable, into a bare SQLite file in WAL mode."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table if not exists records (value blob)")
    value = b"x" * 300
    insert = "insert into records values (?)"

    def append() -> None:
        for _ in range(APPENDS):
            connection.execute(insert, (value,))

    spent = [timed(append) for _ in range(200)]
    connection.close()
    return statistics.median(spent)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds some work took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    main()
