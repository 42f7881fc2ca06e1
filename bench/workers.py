"""Many workers on one embedded log: how near to the ideal, and where it bends.

python -m bench.workers
"""

import tempfile
import time
from datetime import datetime
from pathlib import Path

from bench.figures import figure
from tests.servers.service import Service

QUOTAS = {"quota_waiting": "10000", "quota_day": "100000"}


def main() -> None:
    """Print the time of forty one-second jobs on four workers, then the rate of short jobs by workers."""
    spent = makespan(workers=4, jobs=40, seconds=1.0)
    figure("40 jobs of 1 s on 4 workers, of the ideal", spent / 10, "x", limit=1.05, beside="the ideal: 10 s")
    alone = None
    for workers in (1, 4, 16):
        jobs = 60 * min(workers, 4)
        rate = jobs / makespan(workers=workers, jobs=jobs, seconds=0.1)
        alone = alone or rate
        beside = f"{rate / alone:.1f} times one worker"
        what = f"jobs of 0.1 s on {workers} worker{'s' * (workers > 1)}"
        figure(what, rate, "1/s", beside=beside, curve="jobs of 0.1 s a second, by workers", at=workers)


def makespan(*, workers: int, jobs: int, seconds: float) -> float:
    """Return the seconds from the first claim to the last end of some jobs that are all there at once."""
    painter = f"stub:{seconds}"
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(Path(folder) / "data", painter=painter, workers=0, **QUOTAS) as service,
    ):
        asked = [service.ask(f"{n}", user=f"p{n % 7}", level="best")["id"] for n in range(jobs)]
        service.stop()
        service.with_workers(workers)
        service.start()
        while (
            service.call("GET", "/v1/queue").json()["waiting"]
            or service.call("GET", "/v1/queue").json()["painting"]
        ):
            time.sleep(0.2)
        ended = [service.job(job, f"p{n % 7}") for n, job in enumerate(asked)]
    began = min(job["started_at"] for job in ended)
    return span(began, max(job["completed_at"] for job in ended))


def span(first: str, last: str) -> float:
    """Return the seconds between two times of the API."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


if __name__ == "__main__":
    main()
