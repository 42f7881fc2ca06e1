"""Metrics: one registry, names that dashboards rely on."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from prompt2pic.core.errors import AppendUnknown, LogUnavailable, StoreUnavailable
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.quality import Targets
from prompt2pic.core.reader import Reader
from prompt2pic.core.workers import encode_worker
from prompt2pic.ops.machine import Gpus
from prompt2pic.ops.metrics import Metrics
from prompt2pic.worker.score import Score
from tests.fakes.memory_log import MemoryLog
from tests.unit.samples import asked, claimed, request, told, worker

NOW = 1_000_000  # ms
WORK = "prompt2pic_predicted_work_seconds "


def test_what_was_counted_is_exposed() -> None:
    """Counts and measured seconds appear under our prefix with their labels."""
    metrics = Metrics()
    metrics.requests["finished"].inc()
    metrics.waiting.set(3)
    metrics.paint_seconds["fast"].observe(0.3)
    text = metrics.exposition().decode()
    assert 'prompt2pic_requests_total{outcome="finished"} 1.0' in text
    assert "prompt2pic_waiting_jobs 3.0" in text
    assert 'prompt2pic_paint_seconds_bucket{le="0.5",level="fast"} 1.0' in text


def test_only_what_a_process_counts_is_written_out() -> None:
    """A worker shows its zeros at once, as a rate needs them; a bot or page has no lines of painting at all."""
    bot, worker = Metrics(), Metrics()
    Score(worker, lambda: NOW)
    line = 'prompt2pic_paint_seconds_count{level="best"} 0.0'
    assert line in worker.exposition().decode()
    assert 'prompt2pic_on_time_total{kept="no"} 0.0' in worker.exposition().decode()
    text = bot.exposition().decode()
    assert "prompt2pic_paint_seconds_count" not in text
    assert 'prompt2pic_requests_total{outcome="accepted"} 0.0' in text
    assert "_created" not in text


def test_two_processes_in_one_test_do_not_mix() -> None:
    """Every Metrics has its own registry."""
    one, other = Metrics(), Metrics()
    one.dead_letters.inc()
    assert "prompt2pic_dead_letters_total 1.0" in one.exposition().decode()
    assert "prompt2pic_dead_letters_total 0.0" in other.exposition().decode()


def card(received: int, sent: int) -> SimpleNamespace:
    """Return the counters of a network card."""
    return SimpleNamespace(packets_recv=received, packets_sent=sent)


def test_packets_of_all_interfaces_but_the_loopback_are_summed() -> None:
    """Network packets are those of every card, the loopback left out."""
    cards = {"lo": card(90, 90), "eth0": card(10, 20), "eth1": card(1, 2)}
    text = Metrics(lambda: cards).exposition().decode()
    assert 'prompt2pic_network_packets_total{way="in"} 11.0' in text
    assert 'prompt2pic_network_packets_total{way="out"} 22.0' in text


def test_a_machine_that_does_not_tell_has_no_packets() -> None:
    """Where the system refuses the counters, the metric is missing and nothing fails."""

    def refused() -> dict[str, SimpleNamespace]:
        raise PermissionError

    assert "network_packets" not in Metrics(refused).exposition().decode()


def test_processor_time_is_that_of_the_process_and_its_painter() -> None:
    """Each part has its own figure; a painter that has just died has none, and nothing fails."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as painter:
        metrics = Metrics()
        metrics.usage.pids = lambda: {"main": os.getpid(), "painter": painter.pid}
        text = metrics.exposition().decode()
        assert value(text, 'prompt2pic_cpu_seconds_total{part="main"}') > 0
        assert value(text, 'prompt2pic_memory_bytes{part="painter"}') > 1e6
        assert value(text, "prompt2pic_cpu_cores") == psutil.cpu_count()
    assert 'part="painter"' not in metrics.exposition().decode()


def value(text: str, name: str) -> float:
    """Return a sample of an exposition."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


class Nvml:
    """A driver of two cards; the second is a slice of one, which has no utilisation."""

    class NVMLError(Exception):
        """What the library raises."""

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - the library's name
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        return number

    def nvmlDeviceGetMemoryInfo(self, card: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(used=3_000 + card, total=8_000)

    def nvmlDeviceGetUtilizationRates(self, card: int) -> SimpleNamespace:  # noqa: N802
        if card == 1:
            raise self.NVMLError
        return SimpleNamespace(gpu=75, memory=10)


def test_graphics_cards_are_told_of_where_there_are_some() -> None:
    """Memory of each card, and utilisation as a share where the driver knows it."""
    registry = CollectorRegistry()
    registry.register(Gpus(Nvml()))
    text = generate_latest(registry).decode()
    assert value(text, 'prompt2pic_gpu_memory_used_bytes{gpu="1"}') == 3_001
    assert value(text, 'prompt2pic_gpu_utilisation{gpu="0"}') == 0.75
    assert 'prompt2pic_gpu_utilisation{gpu="1"}' not in text


def test_trouble_of_log_and_store_is_counted_apart() -> None:
    """What is neither is for the caller to count."""
    metrics = Metrics()
    assert metrics.trouble(LogUnavailable("log-failed"))
    assert metrics.trouble(AppendUnknown("log-failed"))
    assert metrics.trouble(StoreUnavailable("store-failed"))
    assert not metrics.trouble(ValueError())
    text = metrics.exposition().decode()
    assert value(text, "prompt2pic_log_errors_total") == 2
    assert value(text, "prompt2pic_store_errors_total") == 1


def folded(*records: Record) -> Reader:
    """Return a reader of a log with these records."""
    log = MemoryLog(dict.fromkeys(("requests", "results", "workers", "settings"), 1), lambda: NOW)
    for record in records:
        log.append(record.place, record.key, record.value)
    reader = Reader(log, from_frontier=False, rebuilt=lambda reader: None)
    reader.pump(0, limit=10_000)
    return reader


def shown(reader: Reader) -> float:
    """Return the predicted work as the metrics show it."""
    metrics = Metrics()
    metrics.look_at(reader, NOW, Targets(busy=30.0, idle=180.0))
    (line,) = [one for one in metrics.exposition().decode().splitlines() if one.startswith(WORK)]
    return float(line.split()[1])


def heartbeat() -> Record:
    """Return the word of a worker: 2, 5 and 8 seconds a picture at its three levels."""
    return Record(Place("workers", 0), 0, "w1", encode_worker(worker()), NOW)


def test_predicted_work_is_what_waits_and_the_rest_of_what_is_held() -> None:
    """Explicit levels and counts as they are, `auto` as it now comes to, a held job by its prediction."""
    asked_for = [request("r0"), request("r1", level="fast", count=3), request("r2")]
    reader = folded(
        heartbeat(),
        *(asked(offset, body) for offset, body in enumerate(asked_for)),
        told(0, claimed("r2", 2, predicted=7.0)),
    )
    assert shown(reader) == 7.0 + 3 * 2.0 + 8.0
    crowd = [asked(offset, request(f"r{offset}")) for offset in range(30)]
    assert shown(folded(heartbeat(), *crowd)) == 30 * 2.0


def test_predicted_work_of_many_is_that_of_a_thousand() -> None:
    """What waits behind them is taken to be like them."""
    many = [asked(n, request(f"r{n}", person=f"p{n % 7}", count=1 + n % 2)) for n in range(3000)]
    assert shown(folded(heartbeat(), *many)) == pytest.approx(3000 * 3.0, rel=0.01)


def test_predicted_work_without_measurements_is_a_guess() -> None:
    """Where no worker is there, each job counts as ten seconds; an empty queue is no work."""
    assert shown(folded(asked(0, request("r0")), asked(1, request("r1")))) == 20.0
    assert shown(folded(heartbeat())) == 0.0
