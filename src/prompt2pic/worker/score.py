"""Counts what became of a worker's attempts, and whether people had their pictures in time."""

from collections.abc import Callable

from prompt2pic.core.events import Event, Failed, Finished
from prompt2pic.core.requests import LEVELS
from prompt2pic.ops.metrics import KEPT, Metrics
from prompt2pic.worker.attempt import Attempt


class Score:
    """The attempts of one worker in its metrics; `now` returns the time of day in ms."""

    def __init__(self, metrics: Metrics, now: Callable[[], int]) -> None:
        self._metrics = metrics
        metrics.on_time.begin(KEPT)
        for family in (metrics.answer_seconds, metrics.wait_seconds, metrics.paint_seconds):
            family.begin(LEVELS)
        self._now = now

    def begun(self, attempt: Attempt) -> None:
        """Count an attempt whose claim counted."""
        waited = max(0, attempt.job.claimed - attempt.job.requested) / 1000
        self._metrics.wait_seconds[attempt.level].observe(waited)

    def ended(self, attempt: Attempt, event: Event) -> None:
        """Count an attempt whose last word is in the log."""
        self._metrics.attempts[type(event).__name__.lower()].inc()
        if isinstance(event, Finished):
            self._finished(attempt, event)
        elif isinstance(event, Failed) and event.final:
            self._metrics.requests["failed"].inc()

    def _finished(self, attempt: Attempt, event: Finished) -> None:
        seconds = max(0, self._now() - attempt.job.requested) / 1000
        kept = "yes" if seconds <= attempt.target else "no"
        self._metrics.requests["finished"].inc()
        self._metrics.on_time[kept].inc()
        self._metrics.answer_seconds[event.level].observe(seconds)
        self._metrics.paint_seconds[event.level].observe(event.seconds)
        self._metrics.lowered.inc(event.lowered)
