"""Every metric of every process, declared in one place.

A process counts what it wrote to the log itself, so sums over processes are right; gauges are what it sees.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from prompt2pic.core.backlog import predicted_work
from prompt2pic.core.forecast import Load
from prompt2pic.core.quality import Targets
from prompt2pic.core.reader import Reader

SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)  # from a stub to a long queue
HTTP_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of one process, in one registry."""

    def __init__(self, network: Path = Path("/proc/net/dev")) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(Packets(network))

        self.requests = self._counter("requests", "Requests by what became of them.", "outcome")
        self.waiting = self._gauge("waiting_jobs", "Jobs that wait.")
        self.oldest = self._gauge("oldest_waiting_seconds", "Age of the job that waits longest.")
        self.work = self._gauge(
            "predicted_work_seconds", "Painting that one worker would need for all there is to do."
        )
        self.workers = self._gauge("workers", "Workers that are alive.")
        self.wait_seconds = self._histogram(
            "wait_seconds", "From the request to its claim.", SECONDS, "level"
        )
        self.paint_seconds = self._histogram("paint_seconds", "Painting of a request.", SECONDS, "level")
        self.attempts = self._counter("attempts", "Attempts by how they ended.", "end")
        self.expiries = self._counter("expiries", "Attempts of silent workers that were given up.")
        self.dead_letters = self._counter("dead_letters", "Requests given up after their attempts.")
        self.records = self._gauge(
            "records_folded", "Records of the log taken into the queue since the start."
        )
        self.undecodable = self._gauge("records_undecodable", "Records among them that nobody here can read.")
        self.repeats = self._gauge("requests_repeated", "Records among them of a request already known.")
        self.store_errors = self._counter("store_errors", "Pictures that could not be stored or read.")
        self.delivery_seconds = self._histogram(
            "delivery_seconds", "From the end of a request until its person has it.", SECONDS
        )
        self.gone = self._counter(
            "gone_chats", "Ends that could not be told: the bot was blocked or removed."
        )
        self.updates = self._counter(
            "telegram_updates", "Updates from Telegram by what became of them.", "outcome"
        )
        self.telegram_floods = self._counter("telegram_floods", "Times Telegram told a chat to wait (429).")
        self.telegram_errors = self._counter("telegram_errors", "Calls to Telegram that failed.", "kind")
        self.http = self._counter("http_requests", "HTTP requests.", "method", "route", "status")
        self.http_seconds = self._histogram("http_seconds", "Answering HTTP requests.", HTTP_SECONDS, "route")

    def look_at(self, reader: Reader, now: int, targets: Targets) -> None:
        """Show the queue as a reader has it at `now` (ms), with the times that are aimed at."""
        queue, live = reader.queue, reader.crew.live(now)
        oldest = queue.turns.oldest()
        self.waiting.set(len(queue.turns))
        self.oldest.set(0 if oldest is None else max(0, now - oldest) / 1000)
        self.work.set(predicted_work(queue, Load(live, list(queue.held()), reader.speeds, now), targets))
        self.workers.set(len(live))
        self.records.set(queue.folded)
        self.undecodable.set(queue.undecodable + reader.crew.undecodable)
        self.repeats.set(sum(ledger.repeats for ledger in queue.ledgers.values()))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format, of `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"prompt2pic_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"prompt2pic_{name}", what, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"prompt2pic_{name}", what, labels, buckets=buckets, registry=self.registry)


class Packets(Collector):
    """Network packets of this machine or container, without its loopback; nothing without a procfs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def describe(self) -> list[CounterMetricFamily]:
        return []

    def collect(self) -> Iterator[CounterMetricFamily]:
        if self._path.is_file():
            family = CounterMetricFamily("prompt2pic_network_packets", "Network packets.", labels=["way"])
            received, sent = self._totals()
            family.add_metric(["in"], received)
            family.add_metric(["out"], sent)
            yield family

    def _totals(self) -> tuple[int, int]:
        """Sum the second and the tenth number of each line, as proc_net(5) orders them."""
        lines = [line.partition(":") for line in self._path.read_text("ascii").splitlines()[2:]]
        numbers = [rest.split() for name, _, rest in lines if name.strip() != "lo"]
        return sum(int(each[1]) for each in numbers), sum(int(each[9]) for each in numbers)
