"""Counts what became of a worker's attempts, and whether people had their pictures in time."""

from collections.abc import Callable

from prompt2pic.core.events import Event, Failed, Finished
from prompt2pic.ops.metrics import Metrics
from prompt2pic.worker.attempt import Attempt


class Score:
    """The attempts of one worker in its metrics; `now` returns the time of day in ms."""

    def __init__(self, metrics: Metrics, now: Callable[[], int]) -> None:
        self._metrics = metrics
        self._now = now

    def begun(self, attempt: Attempt) -> None:
        """Count an attempt whose claim counted."""
        waited = max(0, attempt.job.claimed - attempt.job.requested) / 1000
        self._metrics.wait_seconds.labels(level=attempt.level).observe(waited)

    def ended(self, attempt: Attempt, event: Event) -> None:
        """Count an attempt whose last word is in the log."""
        self._metrics.attempts.labels(end=type(event).__name__.lower()).inc()
        if isinstance(event, Finished):
            self._finished(attempt, event)
        elif isinstance(event, Failed) and event.final:
            self._metrics.requests.labels(outcome="failed").inc()

    def _finished(self, attempt: Attempt, event: Finished) -> None:
        seconds = max(0, self._now() - attempt.job.requested) / 1000
        kept = "yes" if seconds <= attempt.target else "no"
        self._metrics.requests.labels(outcome="finished").inc()
        self._metrics.on_time.labels(kept=kept).inc()
        self._metrics.answer_seconds.labels(level=event.level).observe(seconds)
        self._metrics.paint_seconds.labels(level=event.level).observe(event.seconds)
        self._metrics.lowered.inc(event.lowered)
