"""Whether fresh readers, wherever they start, come to the same queue."""

import hashlib
from collections.abc import Mapping
from contextlib import closing

import msgspec

from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Log, Place
from prompt2pic.core.queue import REQUESTS
from prompt2pic.core.reader import Reader

_STEP = 0.5  # seconds


def fold(log: Log, *, from_frontier: bool) -> tuple[dict[int, int], dict[str, Job]]:
    """Return where a fresh reader starts in each partition, and every job it comes across, ended ones too."""
    jobs: dict[str, Job] = {}

    def rebuilt(reader: Reader) -> None:
        jobs.clear()
        reader.queue.listeners.append(lambda job, event: jobs.__setitem__(job.id, job))

    with closing(Reader(log, from_frontier=from_frontier, rebuilt=rebuilt)) as reader:
        starts = {n: ledger.frontier.requests for n, ledger in reader.queue.ledgers.items()}
        while not reader.ready:
            reader.pump(_STEP)
        return starts, jobs


def digest(jobs: Mapping[str, Job], starts: Mapping[int, int]) -> str:
    """Return a hash of the state of the jobs that were requested at or after these offsets."""
    kept = [jobs[id] for id in sorted(jobs) if jobs[id].at >= starts[jobs[id].partition]]
    return hashlib.sha256(msgspec.json.encode(kept)).hexdigest()


def digests(log: Log) -> list[str]:
    """Return the hashes of two readers from the earliest record and two from the frontier, over what all read."""
    folds = [fold(log, from_frontier=frontier) for frontier in (False, True, False, True)]
    places = range(log.partitions(REQUESTS))
    latest = {n: max(starts.get(n, 0) for starts, _ in folds) for n in places}
    return [digest(jobs, latest) for _, jobs in folds]


def held(log: Log, topic: str) -> dict[Place, tuple[int, int]]:
    """Return the bounds of each partition of a topic."""
    places = [Place(topic, n) for n in range(log.partitions(topic))]
    return {place: log.bounds(place) for place in places}
