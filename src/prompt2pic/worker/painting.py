"""Brings the attempt at hand to its end: painting, storing, the last word in the log."""

import time

import structlog

from prompt2pic.core import decide
from prompt2pic.core.errors import AppendUnknown, LogUnavailable
from prompt2pic.core.events import Event, JobEvent, Started, encode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.lease import PROGRESS_PERIOD, AwakeClock, deadline_seconds, hung_after
from prompt2pic.core.ports import Log
from prompt2pic.ops.metrics import Metrics
from prompt2pic.worker.attempt import Attempt
from prompt2pic.worker.child import Broken, Done, Paint, PictureDone, Stepped
from prompt2pic.worker.easel import Easel
from prompt2pic.worker.score import Score
from prompt2pic.worker.upkeep import Upkeep
from prompt2pic.worker.uploads import NotStored, Sent, Stored, Uploads

_RETRY = 0.5  # seconds before an attempt's last word is written again

_log = structlog.get_logger(__name__)


class Painting:
    """The one attempt that the worker is at, or none; `changed` is when (monotonic) it last had another."""

    def __init__(
        self,
        log: Log,
        easel: Easel,
        uploads: Uploads,
        upkeep: Upkeep,
        metrics: Metrics,
        max_attempts: int,
    ) -> None:
        self._log = log
        self._easel = easel
        self._uploads = uploads
        self._upkeep = upkeep
        self._metrics = metrics
        self._score = Score(metrics, upkeep.clock.now)
        self._max_attempts = max_attempts
        self._last_word: Event | None = None
        self._retry_at = 0.0
        self._awake = AwakeClock()
        self._silence = 0.0
        self.attempt: Attempt | None = None
        self.changed = time.monotonic()
        self.stop_at: float | None = None

    def expect(self, silence: float) -> None:
        """Take in for how many seconds a painter that was just loaded may keep silent between two steps."""
        self._silence = max(self._silence, silence)

    def hear(self, message: Stepped | PictureDone | Done | Broken | Sent | Stored | NotStored) -> None:
        """Take in what painter or uploads tell; what they tell of an earlier attempt is let go."""
        attempt = self.attempt
        if attempt is None or message.attempt != attempt.id or attempt.phase != "painting":
            return
        self._note_sign(attempt, of_painter=isinstance(message, Stepped | PictureDone | Done))
        if isinstance(message, Stepped):
            attempt.note(message.step)
        elif isinstance(message, PictureDone):
            attempt.read = message.painted.read
            self._uploads.put(attempt.id, message.number, attempt.key(message.number), message.painted)
        elif isinstance(message, Done):
            attempt.seconds = message.seconds
        elif isinstance(message, Stored):
            attempt.pictures[message.number] = message.picture
        elif isinstance(message, Broken | NotStored):
            self._metrics.store_errors.inc(isinstance(message, NotStored))
            self.fail(message.key)

    def begin(self, attempt: Attempt) -> None:
        """Start painting an attempt whose claim counted."""
        assert attempt.job.token is not None, "only a held job is painted"  # noqa: S101
        _log.debug("held", request=attempt.job.id, attempt=attempt.id, token=attempt.job.token.offset)
        now = time.monotonic()
        attempt.phase = "painting"
        attempt.began = attempt.written = now
        attempt.heard = self._awake.look(now)
        if self._upkeep.me is None or not self._easel.paint(
            Paint(attempt.id, attempt.order(self._upkeep.me))
        ):
            self._end_with(attempt, decide.release(attempt.job, "painter-gone"))
            return
        self._append(attempt, Started(request=attempt.job.id, at=attempt.job.at, token=attempt.job.token))
        self._score.begun(attempt)
        _log.info("painting", request=attempt.job.id, attempt=attempt.id, level=attempt.level)

    def tend(self) -> None:
        """Do what the attempt needs now."""
        attempt, now = self.attempt, time.monotonic()
        self._awake.look(now)
        if attempt is not None and attempt.phase == "painting":
            self._look_after(attempt, now)
        elif attempt is not None and attempt.phase == "ending":
            self._say_last_word(attempt)

    def job_changed(self, job: Job, event: JobEvent | None) -> None:
        """Let go of the attempt once its job is no longer held by it."""
        attempt = self.attempt
        if attempt is not None and attempt.job is job and attempt.phase != "claiming" and not attempt.won():
            self.let_go("lost" if job.state == "held" else job.state)

    def fail(self, reason: str) -> None:
        """End the attempt as failed, where it has one to end; `reason` is a key of `texts`."""
        attempt = self.attempt
        if attempt is None or attempt.phase == "ending":
            return
        event = decide.breakdown(attempt.job, attempt.id, reason, self._max_attempts)
        if event is not None:
            self._end_with(attempt, event)

    def log_truncated(self) -> None:
        """Give the job back where the log still holds its claim; what is lost with the rest is let go of."""
        attempt = self.attempt
        if attempt is None or attempt.phase == "ending":
            return
        if attempt.won():
            self._end_with(attempt, decide.release(attempt.job, "log-truncated"))
        else:
            self.let_go("log-truncated")

    def let_go(self, why: str) -> None:
        """Drop the attempt without a word: it does not count."""
        attempt = self.attempt
        if attempt is None:
            return
        _log.info("attempt-let-go", request=attempt.job.id, attempt=attempt.id, why=why)
        self._clear(attempt)

    def _note_sign(self, attempt: Attempt, *, of_painter: bool) -> None:
        now = self._awake.look(time.monotonic())
        silence = now - attempt.heard
        self._upkeep.note_silence(silence)
        if of_painter:  # what a slow store makes of it must not leave a painter that hangs more time
            self._silence = max(self._silence, silence)
        attempt.heard, attempt.fresh = now, True

    def _look_after(self, attempt: Attempt, now: float) -> None:
        if attempt.complete():
            self._finish(attempt)
        elif self.stop_at is not None and now + attempt.left(now) > self.stop_at:
            self._end_with(attempt, decide.release(attempt.job, "worker-stopping"))
        elif self._awake.seconds - attempt.heard > self._patience(attempt):
            self._give_up_on(attempt, "painter-hung" if attempt.seconds is None else "store-slow")
        elif now - attempt.began > deadline_seconds(attempt.predicted):
            self._give_up_on(attempt, "painter-too-slow")
        elif attempt.fresh and now - attempt.written >= PROGRESS_PERIOD:
            attempt.written, attempt.fresh = now, False
            told = attempt.preview
            if self._append(attempt, attempt.progress(now)):
                attempt.shown = told

    def _patience(self, attempt: Attempt) -> float:
        if attempt.seconds is not None or self._upkeep.me is None:
            return hung_after(attempt.lease)
        return hung_after(attempt.lease, self._silence, attempt.largeness(self._upkeep.me))

    def _finish(self, attempt: Attempt) -> None:
        levels = self._upkeep.me.model.levels if self._upkeep.me else ()
        steps = next((level.steps for level in levels if level.name == attempt.level), 0)
        pictures = tuple(picture for _, picture in sorted(attempt.pictures.items()))
        seconds = attempt.seconds or 0.0
        self._end_with(attempt, decide.completion(attempt.job, pictures, steps, seconds, attempt.read))

    def _give_up_on(self, attempt: Attempt, reason: str) -> None:
        if attempt.seconds is None:
            self._easel.kill()
        self.fail(reason)

    def _end_with(self, attempt: Attempt, event: Event) -> None:
        attempt.phase = "ending"
        self._last_word = event
        self._say_last_word(attempt)

    def _say_last_word(self, attempt: Attempt) -> None:
        # Written again until it is known to be in the log or the job is somebody else's: twice does no harm.
        if self._last_word is None or time.monotonic() < self._retry_at:
            return
        if not self._append(attempt, self._last_word):
            self._retry_at = time.monotonic() + _RETRY
            return
        self._score.ended(attempt, self._last_word)
        self._upkeep.ended(attempt.job, self._last_word)
        self._clear(attempt)

    def _clear(self, attempt: Attempt) -> None:
        _log.debug("no-longer-held", request=attempt.job.id, attempt=attempt.id)
        if not attempt.complete():
            self._uploads.give_up(attempt.id)
            self._easel.cancel(attempt.id)
        self.attempt, self._last_word, self._retry_at = None, None, 0.0
        self.changed = time.monotonic()

    def _append(self, attempt: Attempt, event: Event) -> bool:
        try:
            self._log.append(attempt.place, attempt.job.id, encode_event(event))
        except (AppendUnknown, LogUnavailable) as problem:
            self._metrics.trouble(problem)
            _log.warning("not-written", request=attempt.job.id, what=type(event).__name__, why=str(problem))
            return False
        return True
