"""What metrics and logs cost: their share of the CPU of worker and bot under load, and the time of a scrape.

python -m bench.metrics [--seconds 60]; `python -m bench.metrics --timed FILE bot ...` is one of the processes.
"""

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import prometheus_client
import structlog

from bench.figures import figure
from prompt2pic.core.quality import Targets
from prompt2pic.ops.metrics import Metrics
from tests.bot import fleet as fleets
from tests.bot.fleet import BotFleet
from tests.servers.service import eventually
from tests.unit.samples import asked, request
from tests.unit.test_metrics import NOW, folded, heartbeat

SCRAPES = 15.0  # seconds between two of them, as deploy/monitoring has it
QUEUE = 1000  # jobs that wait, for the slowest scrape
LOADS = {"bot": ("stub:0.02", 0.1), "worker": ("wuerstchen", 0.5)}  # painter, seconds between two messages
ALL = "all"
TELLS = 0.25  # seconds between two words of a process about what it spent
GOAL = 0.01  # of a process's CPU
SCRAPE_GOAL = 50.0  # ms


class Ledger:
    """CPU seconds of all threads spent in what is watched, outermost calls only."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside = threading.local()

    def watch(self, owner: Any, name: str) -> None:
        """Time every call of a function from now on; the timing counts as a cost, too."""
        call: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._inside, "now", False):
                return call(*args, **kwargs)
            self._inside.now, began = True, time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                spent = time.thread_time() - began
                self._inside.now = False
                self.spent[owner.__name__] += spent

        setattr(owner, name, timed)

    def tell(self, path: Path) -> None:
        """Keep telling what was spent."""
        while True:
            draft = path.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(dict(self.spent)))
            draft.replace(path)
            time.sleep(TELLS)


def be_timed(path: Path, words: list[str]) -> None:
    """Be a process of the product whose metrics and logs are watched."""
    ledger = Ledger()
    for kind, names in {
        prometheus_client.Counter: ("inc", "labels"),
        prometheus_client.Gauge: ("set", "labels"),
        prometheus_client.Histogram: ("observe", "labels"),
        Metrics: ("look_at", "exposition"),
        BaseHTTPRequestHandler: ("handle_one_request",),
        structlog.BoundLoggerBase: ("_proxy_to_logger",),
        type(structlog.get_logger()): ("bind",),
    }.items():
        for name in names:
            ledger.watch(kind, name)
    threading.Thread(target=ledger.tell, args=(path,), daemon=True).start()
    from prompt2pic.__main__ import main as product

    sys.argv = ["prompt2pic", *words]
    sys.exit(product())


def main() -> None:
    """Print the shares, then the scrapes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--timed", nargs=argparse.REMAINDER)
    asked_for = parser.parse_args()
    if asked_for.timed:
        be_timed(Path(asked_for.timed[0]), asked_for.timed[1:])
    for name, (painter, pace) in LOADS.items():
        with tempfile.TemporaryDirectory() as folder:
            under_load(Path(folder), name, painter, pace, asked_for.seconds)
    with_a_queue()


def under_load(folder: Path, name: str, painter: str, pace: float, seconds: float) -> None:
    """Let people ask for pictures while one of the processes is watched and scraped."""
    told, plain = folder / "told.json", fleets.program
    fleets.program = lambda *words: _watched(told, words) if words[0] == name else plain(*words)
    try:
        with fleets.bot_fleet(folder, painter=painter) as fleet:
            port = (fleet.ports if name == "bot" else fleet.worker_ports)[0]
            eventually(lambda: told.exists() and _works(port), "nobody works")
            before = _spent(told, port)
            times = _ask(fleet, port, pace, seconds)
            after, pictures = _spent(told, port), len(fleet.finished())
    finally:
        fleets.program = plain
    costs = {kind: after[kind] - before.get(kind, 0.0) for kind in after}
    total, spent = costs.pop(ALL), sum(costs.values())
    logs = costs["BoundLoggerBase"] / spent
    beside = f"{1000 * spent:.0f} ms of {total:.1f} s, {logs:.0%} of it logs; {pictures} pictures"
    figure(f"CPU of the {name} for metrics and logs", spent / total, "%", limit=GOAL, beside=beside)
    figure(f"a scrape of the {name} at work", 1000 * statistics.median(times), "ms", limit=SCRAPE_GOAL)


def _watched(told: Path, words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "bench.metrics", "--timed", str(told), *words, "--attached"]


def _ask(fleet: BotFleet, port: int, pace: float, seconds: float) -> list[float]:
    """Keep the worker busy; return how long each scrape took."""
    people = [fleet.api.person() for _ in range(20)]
    times: list[float] = []
    until, next_scrape = time.monotonic() + seconds, 0.0
    while time.monotonic() < until:
        random.choice(people).says("закат над океаном")
        if time.monotonic() >= next_scrape:
            next_scrape = time.monotonic() + SCRAPES
            began = time.perf_counter()
            _scrape(port)
            times.append(time.perf_counter() - began)
        time.sleep(pace)
    return times


def _works(port: int) -> bool:
    with contextlib.suppress(ConnectionError):
        return b"prompt2pic_workers 1" in _scrape(port)
    return False


def _scrape(port: int) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read()
    connection.close()
    return text


def _spent(told: Path, port: int) -> dict[str, float]:
    """Return the CPU seconds for metrics and logs by what they went to, and those of process and painter."""
    lines = _scrape(port).decode().splitlines()
    parts = [float(line.split()[-1]) for line in lines if line.startswith("prompt2pic_cpu_seconds_total")]
    time.sleep(2 * TELLS)  # so that what this very scrape took is told, before and after
    return {**msgspec.json.decode(told.read_bytes(), type=dict[str, float]), ALL: sum(parts)}


def with_a_queue() -> None:
    """Look at a long queue and write everything out, as the slowest scrape does."""
    reader = folded(heartbeat(), *(asked(n, request(f"r{n}", person=f"p{n % 50}")) for n in range(QUEUE)))
    metrics, both, alone = Metrics(), [], []
    for _ in range(20):
        began = time.perf_counter()
        metrics.look_at(reader, NOW, Targets())
        looked = time.perf_counter()
        metrics.exposition()
        both.append(time.perf_counter() - began)
        alone.append(time.perf_counter() - looked)
    beside = f"writing alone {1000 * statistics.median(alone):.1f} ms"
    ms = 1000 * statistics.median(both)
    figure(f"a scrape while {QUEUE:,} jobs wait", ms, "ms", limit=SCRAPE_GOAL, beside=beside)


if __name__ == "__main__":
    main()
