"""Looks that take too long for a health check: made every so often in a thread of their own."""

import threading
from collections.abc import Callable

from prompt2pic.core.errors import Problem

_PAUSE = 30.0  # seconds between two looks where all is well
_SHORT_PAUSE = 5.0  # seconds where it is not


class Watch:
    """What `look` last found; until its first look it is not well.

    `look` returns where all is well and raises where it is not; `say` makes a sentence of a problem.
    """

    def __init__(self, look: Callable[[], object], say: Callable[[Problem], str]) -> None:
        self._look = look
        self._say = say
        self._wrong: str | None = "not looked at yet"
        self._never = threading.Event()
        threading.Thread(target=self._work, name="watch", daemon=True).start()

    def wrong(self) -> str | None:
        """Return what is wrong, None where nothing is."""
        return self._wrong

    def well(self) -> bool:
        """Return whether nothing is wrong."""
        return self._wrong is None

    def _work(self) -> None:
        while True:
            self._wrong = self._found()
            self._pause(_SHORT_PAUSE if self._wrong else _PAUSE)

    def _pause(self, seconds: float) -> None:
        """Wait, but not by a sleep: where a clock is faked that raises, and nobody would look any more."""
        self._never.wait(seconds)

    def _found(self) -> str | None:
        try:
            self._look()
        except Problem as problem:
            return self._say(problem)
        except Exception as error:  # whatever it is, the next look comes
            return str(error) or type(error).__name__
        return None
