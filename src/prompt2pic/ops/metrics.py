"""Every metric of every process, declared in one place.

A process counts what it wrote to the log itself, so sums over processes are right; gauges are what it sees.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from prompt2pic.core.backlog import predicted_work
from prompt2pic.core.errors import AppendUnknown, LogUnavailable, StoreUnavailable
from prompt2pic.core.forecast import Load
from prompt2pic.core.quality import Targets
from prompt2pic.core.reader import Reader
from prompt2pic.ops.machine import Gpus, Packets, Usage, every_card

SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)  # from a stub to a long queue
OFF_SECONDS = (-300, -60, -30, -10, -5, -1, 0, 1, 5, 10, 30, 60, 300)  # below 0 is sooner than told
HTTP_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
OUTCOMES = ("accepted", "cancelled", "finished", "failed")
KEPT = ("yes", "no")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Family = TypeVar("_Family", bound=MetricWrapperBase)


class Each(dict[str, _Family]):
    """The metrics of a family by their label, each looked up in it once."""

    def __init__(self, family: _Family) -> None:
        super().__init__()
        self._family = family

    def __missing__(self, value: str) -> _Family:
        self[value] = self._family.labels(value)
        return self[value]

    def begin(self, values: Iterable[str]) -> None:
        """Show some before they are counted: a rate needs the zero before the first one."""
        for value in values:
            self[value]


class Metrics:
    """The metrics of one process, in one registry."""

    def __init__(self, network: Callable[[], Mapping[str, Any]] = every_card) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a sixth of all lines, and nobody looks at them
        self.registry = CollectorRegistry()
        self.usage = Usage()
        ProcessCollector(registry=self.registry)
        for collector in (self.usage, Packets(network), Gpus()):
            self.registry.register(collector)
        self._declare_requests()
        self._declare_queue()
        self._declare_attempts()
        self._declare_edges()
        self._declare_faults()

    def _declare_requests(self) -> None:
        self.requests = Each(self._counter("requests", "Requests by what became of them.", "outcome"))
        self.requests.begin(OUTCOMES)
        self.on_time = Each(
            self._counter("on_time", "Finished requests by whether they kept their target.", "kept")
        )
        self.target = Each(
            self._gauge("target_seconds", "The target while others wait, and while nobody does.", "queue")
        )
        self.answer_seconds = self._by_level(
            "answer_seconds", "From the request until its pictures are stored."
        )
        self.wait_seconds = self._by_level("wait_seconds", "From the request to its claim.")
        self.paint_seconds = self._by_level("paint_seconds", "Painting of a request.")
        self.lowered = self._counter("lowered", "Requests painted below the best level because of load.")
        self.eta_error = self._histogram(
            "eta_error_seconds",
            "How much later than first told a picture was there; 0 within the range that was told.",
            OFF_SECONDS,
        )
        self.delivery_seconds = self._histogram(
            "delivery_seconds", "From the end of a request until its person has it.", SECONDS
        )

    def _declare_queue(self) -> None:
        self.waiting = self._gauge("waiting_jobs", "Jobs that wait.")
        self.held = self._gauge("held_jobs", "Jobs that a worker holds.")
        self.oldest = self._gauge("oldest_waiting_seconds", "Age of the job that waits longest.")
        self.work = self._gauge(
            "predicted_work_seconds", "Painting that one worker would need for all there is to do."
        )
        self.workers = self._gauge("workers", "Workers that are alive.")
        self.records = self._gauge(
            "records_folded", "Records of the log taken into the queue since the start."
        )
        self.undecodable = self._gauge("records_undecodable", "Records among them that nobody here can read.")
        self.repeats = self._gauge("requests_repeated", "Records among them of a request already known.")
        self.frontier_lag = self._gauge(
            "frontier_lag_records", "Requests between the frontier and the newest one that was read."
        )

    def _declare_attempts(self) -> None:
        self.attempts = Each(self._counter("attempts", "Attempts by how they ended.", "end"))
        self.expiries = self._counter("expiries", "Attempts of silent workers that were given up.")
        self.dead_letters = self._counter("dead_letters", "Requests given up after their attempts.")

    def _declare_edges(self) -> None:
        self.gone = self._counter(
            "gone_chats", "Ends that could not be told: the bot was blocked or removed."
        )
        self.updates = Each(
            self._counter("telegram_updates", "Updates from Telegram by what became of them.", "outcome")
        )
        self.http = self._counter("http_requests", "HTTP requests.", "method", "route", "status")
        self.http_seconds = self._histogram("http_seconds", "Answering HTTP requests.", HTTP_SECONDS, "route")

    def _declare_faults(self) -> None:
        self.log_errors = self._counter("log_errors", "Times the log could not be read or written.")
        self.store_errors = self._counter("store_errors", "Times a picture could not be stored or read.")
        self.telegram_floods = self._counter("telegram_floods", "Times Telegram told a chat to wait (429).")
        self.telegram_errors = Each(
            self._counter("telegram_errors", "Calls to Telegram that failed.", "kind")
        )

    def look_at(self, reader: Reader, now: int, targets: Targets) -> None:
        """Show the queue as a reader has it at `now` (ms), with the times that are aimed at."""
        queue, live = reader.queue, reader.crew.live(now)
        oldest = queue.turns.oldest()
        held = list(queue.held())
        self.waiting.set(len(queue.turns))
        self.held.set(len(held))
        self.oldest.set(0 if oldest is None else max(0, now - oldest) / 1000)
        self.work.set(predicted_work(queue, Load(live, held, reader.speeds, now), targets))
        self.workers.set(len(live))
        self.records.set(queue.folded)
        self.undecodable.set(queue.undecodable + reader.crew.undecodable)
        ledgers = queue.ledgers.values()
        self.repeats.set(sum(ledger.repeats for ledger in ledgers))
        self.frontier_lag.set(sum(ledger.next_request - ledger.frontier.requests for ledger in ledgers))
        for name, seconds in targets._asdict().items():
            self.target[name].set(seconds)

    def trouble(self, problem: Exception) -> bool:
        """Count a log or a picture store that is away; return whether it was one of these."""
        if isinstance(problem, LogUnavailable | AppendUnknown):
            self.log_errors.inc()
        elif isinstance(problem, StoreUnavailable):
            self.store_errors.inc()
        else:
            return False
        return True

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format, of `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"prompt2pic_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"prompt2pic_{name}", what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"prompt2pic_{name}", what, labels, buckets=buckets, registry=self.registry)

    def _by_level(self, name: str, what: str) -> Each[Histogram]:
        return Each(self._histogram(name, what, SECONDS, "level"))
