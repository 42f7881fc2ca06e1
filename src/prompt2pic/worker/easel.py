"""The painter's place: one child process at a time, a new one when it dies."""

import time
from collections.abc import Callable

import structlog

from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import Painter
from prompt2pic.worker.child import Broken, Cancel, Child, Died, FromChild, Paint, Ready

_MOST_LOADS = 5  # painter processes in a row that may die before their model is loaded

_PASSING = "model-out-of-memory"  # may be over when the model is loaded again

_log = structlog.get_logger(__name__)


class Easel:
    """Keeps a painter process with its model loaded; `fatal` says why there can be none."""

    def __init__(self, make: Callable[[], Painter], tell: Callable[[FromChild], None]) -> None:
        self._make = make
        self._tell = tell
        self._child: Child | None = None
        self._spawn_at = 0.0
        self._deaths = 0
        self._seconds: dict[str, float] = {}
        self._why: Problem | None = None
        self.ready: Ready | None = None
        self.fatal: Problem | None = None

    def set_up(self) -> None:
        """Start a painter process where there is none and its pause is over."""
        if self._child is None and self.fatal is None and time.monotonic() >= self._spawn_at:
            self._child = Child(self._make, self._tell, self._seconds)

    def loaded(self, ready: Ready) -> None:
        """Take in that the model is loaded."""
        self.ready, self._deaths, self._why = ready, 0, None
        self._seconds = ready.seconds

    def broken(self, broken: Broken) -> None:
        """Take in that the model can not be loaded: at all, or now, where it was before."""
        problem = Problem(broken.key, **broken.args)
        if self._seconds and broken.key == _PASSING:
            self._why = problem
        else:
            self.fatal = problem

    def died(self, died: Died) -> bool:
        """Take in that a painter process is gone; return whether it was the present one."""
        if self._child is None or died.child != self._child.pid:
            return False
        self._child.kill()
        self._child, self.ready = None, None
        # After a crash in mid-picture at once; while loading fails, after ever longer pauses.
        self._spawn_at = time.monotonic() + 2**self._deaths - 1
        self._deaths += 1
        if self._deaths >= _MOST_LOADS and self.fatal is None:
            self.fatal = self._why or Problem("painter-dies-loading")
        _log.error("painter-died", deaths=self._deaths)
        return True

    def pids(self) -> dict[str, int]:
        """Return the painter's process, where there is one; asked by other threads, too."""
        child = self._child
        return {} if child is None else {"painter": child.pid}

    def paint(self, paint: Paint) -> bool:
        """Set the painter to an order; return False where there is no painter."""
        if self._child is None or self.ready is None:
            return False
        self._child.send(paint)
        return True

    def cancel(self, attempt: str) -> None:
        """Have the painter stop an attempt within one step."""
        if self._child is not None:
            self._child.send(Cancel(attempt))

    def kill(self) -> None:
        """End a painter process that hangs; it is heard of as died."""
        if self._child is not None:
            self.ready = None  # nothing may be claimed for it before it is heard of
            self._child.kill()

    def close(self) -> None:
        """End the painter process for good."""
        if self._child is not None:
            self._child.close()
            self._child = None
