"""Throughput by the number of workers, 1 to 64 in one process, and what it takes: where it bends, and why.

python -m bench.queue.throughput [--workers 1 2 4]
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.figures import figure
from bench.queue.crowd import crowd
from bench.queue.ours import ours
from prompt2pic.ops.logs import configure_logs
from tests.servers.kafka import kafka

WORKERS = (1, 2, 4, 8, 16, 32, 64)
SECONDS = 1.0  # of a job
EACH = 8  # jobs for each worker
CLAIM = 3  # records of a job beside its claims: request, started, finished


class Rate(NamedTuple):
    """Jobs and records a second, and the cores that the workers' process and the broker used meanwhile."""

    jobs: float
    records: float
    workers: float
    broker: float

    def __str__(self) -> str:
        claims = self.records / self.jobs - CLAIM
        return f"{claims:.2f} claims a job; cores: theirs {self.workers:.2f}, the broker's {self.broker:.2f}"


def main() -> None:
    """Print the rates by workers, and what a record costs each of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    asked = parser.parse_args()
    configure_logs("error")
    with tempfile.TemporaryDirectory() as name, kafka(Path(name)) as broker:
        rates = {workers: measured(broker.servers, workers) for workers in asked.workers}
    curve = "jobs of 1 s a second, by workers in one process"
    for workers, rate in rates.items():
        beside = f"{rate.jobs * SECONDS / workers:.2f} of the ideal; {rate}"
        what = f"{workers} worker{'s' * (workers > 1)} in one process over Kafka, jobs of 1 s"
        figure(what, rate.jobs, "1/s", beside=beside, curve=curve, at=workers)
    curve = "cores that their process uses"
    for workers, rate in rates.items():
        each = 1e6 / (rate.records * workers)
        beside = f"a record costs each worker {rate.workers * each:.0f} us, and the broker {rate.broker * each:.0f} us"
        figure(f"cores that {workers} use", rate.workers, "", beside=beside, curve=curve, at=workers)


def measured(servers: str, workers: int) -> Rate:
    """Return the rate of some workers whose jobs are all there at once."""
    with ours(servers, Path(), SECONDS) as queue, crowd(queue.log, workers, SECONDS):
        while not queue.ready_for(workers):
            pass
        folded, before = queue.reader.queue.folded, clocks()
        jobs = EACH * workers
        for number in range(jobs):
            queue.ask(f"{number:08d}-0000-4000-8000-{workers:012d}", number)
        ended = 0
        while ended < jobs:
            ended += len(queue.ends(0.05))
        took, ours_, brokers = (after - earlier for after, earlier in zip(clocks(), before, strict=True))
        return Rate(jobs / took, (queue.reader.queue.folded - folded) / took, ours_ / took, brokers / took)


def clocks() -> tuple[float, float, float]:
    """Return the time, and the seconds of CPU that this process and the broker, its child, have used."""
    me = psutil.Process()
    used = [sum(process.cpu_times()[:2]) for process in (me, *me.children())]
    return time.monotonic(), used[0], sum(used[1:])


if __name__ == "__main__":
    main()
