"""What a process takes of its machine, asked at each scrape: processor, memory, network, graphics cards."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from os import getpid
from typing import Any

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Pids = Callable[[], Mapping[str, int]]
"""Returns the id of each of our processes by its part in the work: `main`, `painter`."""


def only_this() -> dict[str, int]:
    """Return this process alone."""
    return {"main": getpid()}


class Usage(Collector):
    """Processor time and memory of this process and of its painter; one that is gone is left out."""

    def __init__(self) -> None:
        self.pids: Pids = only_this

    def describe(self) -> list[Metric]:
        return [_cpu(), _memory(), _cores()]

    def collect(self) -> Iterator[Metric]:
        cpu, memory, cores = _cpu(), _memory(), _cores()
        for part, pid in self.pids().items():
            try:
                process = psutil.Process(pid)
                times, held = process.cpu_times(), process.memory_info().rss
            except psutil.Error:
                continue
            cpu.add_metric([part], times.user + times.system)
            memory.add_metric([part], held)
        cores.add_metric([], psutil.cpu_count() or 1)
        yield from (cpu, memory, cores)


def _cpu() -> CounterMetricFamily:
    what = "Processor time used; its rate is the CPU utilisation, in cores."
    return CounterMetricFamily("prompt2pic_cpu_seconds", what, labels=["part"])


def _memory() -> GaugeMetricFamily:
    return GaugeMetricFamily("prompt2pic_memory_bytes", "Memory held.", labels=["part"])


def _cores() -> GaugeMetricFamily:
    return GaugeMetricFamily("prompt2pic_cpu_cores", "Cores of the machine.", labels=[])


class Packets(Collector):
    """Network packets of this machine or container, without its loopback; nothing where they can not be had."""

    def __init__(self, counters: Callable[[], Mapping[str, Any]]) -> None:
        self._counters = counters

    def describe(self) -> list[Metric]:
        return [_packets()]

    def collect(self) -> Iterator[Metric]:
        try:
            cards = [count for name, count in self._counters().items() if name not in ("lo", "lo0")]
        except (OSError, psutil.Error):
            return
        family = _packets()
        family.add_metric(["in"], sum(each.packets_recv for each in cards))
        family.add_metric(["out"], sum(each.packets_sent for each in cards))
        yield family


def _packets() -> CounterMetricFamily:
    what = "Network packets; their rate is packets per second."
    return CounterMetricFamily("prompt2pic_network_packets", what, labels=["way"])


def every_card() -> Mapping[str, Any]:
    """Return the counters of each network card by its name."""
    return psutil.net_io_counters(pernic=True, nowrap=False)


class Gpus(Collector):
    """NVIDIA's graphics cards as the driver sees them, other programs' share included; nothing without a driver.

    The painter owns the card in a process of its own: NVML (`nvmlDeviceGetMemoryInfo`,
    `nvmlDeviceGetUtilizationRates`) tells of it from outside, without a context that would take memory.
    """

    def __init__(self, nvml: Any = None) -> None:
        self._nvml = nvml or _nvml()

    def describe(self) -> list[Metric]:
        return [*_gpu_families()]

    def collect(self) -> Iterator[Metric]:
        nvml = self._nvml
        if nvml is None:
            return
        used, total, busy = _gpu_families()
        try:
            for number in range(nvml.nvmlDeviceGetCount()):
                card, gpu = nvml.nvmlDeviceGetHandleByIndex(number), [str(number)]
                memory = nvml.nvmlDeviceGetMemoryInfo(card)
                used.add_metric(gpu, memory.used)
                total.add_metric(gpu, memory.total)
                busy.add_metric(gpu, nvml.nvmlDeviceGetUtilizationRates(card).gpu / 100)
        except nvml.NVMLError:  # a card that fell off, or a slice of one (MIG), which has no utilisation
            pass
        yield from (used, total, busy)


def _gpu_families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    def family(name: str, what: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"prompt2pic_gpu_{name}", what, labels=["gpu"])

    return (
        family("memory_used_bytes", "Memory of the graphics card in use, by whomever."),
        family("memory_bytes", "Memory of the graphics card."),
        family("utilisation", "Share of time in which the graphics card was at work, 0 to 1."),
    )


def _nvml() -> Any:
    """Return NVIDIA's library, ready to be asked; None where it, or its driver, is not there."""
    try:
        nvml = import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml
