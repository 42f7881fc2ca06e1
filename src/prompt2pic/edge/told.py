"""What people were first told of their wait, kept until it shows how true that was."""

from collections.abc import Collection
from typing import NamedTuple

from prompt2pic.core.events import Finished
from prompt2pic.core.forecast import Wait
from prompt2pic.core.jobs import Job
from prompt2pic.ops.metrics import Metrics


class _Told(NamedTuple):
    """The range that was told, as times of day in ms."""

    soonest: float
    latest: float


class Told:
    """Counts, for each picture, how much later or sooner it was there than this process had said first."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: dict[str, _Told] = {}

    def note(self, request: str, wait: Wait | None, now: int) -> None:
        """Note a wait that is told at `now` (ms); what is told later of the same request changes nothing."""
        if request in self._told or wait is None or wait.soonest is None or wait.latest is None:
            return
        self._told[request] = _Told(now + 1000 * wait.soonest, now + 1000 * wait.latest)

    def hear(self, job: Job) -> None:
        """Take in that a job has changed."""
        if job.end is None:
            return
        told = self._told.pop(job.id, None)
        if told is not None and isinstance(job.end, Finished):
            off = max(0.0, job.ended - told.latest) + min(0.0, job.ended - told.soonest)
            self._metrics.eta_error.observe(off / 1000)

    def keep(self, open_jobs: Collection[str]) -> None:
        """Forget all but these: what was erased, or whose end was never heard of."""
        self._told = {request: told for request, told in self._told.items() if request in open_jobs}
