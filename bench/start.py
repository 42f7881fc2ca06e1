"""A start with a million finished jobs in the log: the first one, which reads them all, and any later one.

python -m bench.start [--jobs 1000000]
"""

import argparse
import tempfile
import time
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from bench.figures import figure
from bench.fold import CHUNK, chunk
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.log.sqlite_writing import transaction
from prompt2pic.wiring import TOPICS
from tests.servers.service import Service


def main() -> None:
    """Print the seconds from the start of `prompt2pic run` until the page is ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        fill(data / "log.sqlite3", jobs)
        service = Service(data, workers=0)
        service.patience = 600.0  # seconds: the first start reads everything
        empty = Service(Path(folder) / "empty", workers=0)
        reference = started(empty)
        empty_log = f"with an empty log: {reference:.2f} s"
        figure(f"the first start with {jobs:,} finished jobs", started(service), "s", beside=empty_log)
        figure("a later start with them", started(service), "s", limit=5, beside=empty_log)


def started(service: Service) -> float:
    """Return the seconds until the page is ready; ends the service again."""
    began = time.perf_counter()
    with service:
        spent = time.perf_counter() - began
        time.sleep(62)  # the shelf is filled once a minute
    return spent


def fill(path: Path, jobs: int) -> None:
    """Write the records of finished jobs, stamped with the times of months ago, in large transactions."""
    clock = Clock()
    with closing(SqliteLog(path, TOPICS)) as log, patch("prompt2pic.log.sqlite.time.time_ns", clock):
        for first in range(0, jobs, CHUNK):
            with log._writing.use() as file, transaction(file.connection, 60.0):
                for record in chunk(first, min(CHUNK, jobs - first), jobs):
                    clock.now = record.timestamp * 1_000_000
                    log._insert(file, record.place, record.key, record.value)


class Clock:
    """Gives the time that is set, in ns."""

    now = 0

    def __call__(self) -> int:
        return self.now


if __name__ == "__main__":
    main()
