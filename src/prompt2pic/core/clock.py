"""The time of day, of which a jump forward counts only once it has lasted."""

import time
from collections import deque
from collections.abc import Callable

PATIENCE = 120.0  # seconds a jump forward of the machine's clock must last before anything gets old by it


class SteadyClock:
    """The machine's clock without jumps forward that do not last; where it goes back it is followed at once.

    `wall` gives the time of day in ms, `monotonic` seconds. The clock believes what it is told first.
    """

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._aheads: deque[tuple[float, int]] = deque()

    def now(self) -> int:
        """Return the time of day in ms: by the least that the machine's clock was ahead of late."""
        seconds = self._monotonic()
        elapsed = int(1000 * seconds)
        ahead = self._wall() - elapsed
        since = seconds
        while self._aheads and self._aheads[-1][1] >= ahead:
            since, _ = self._aheads.pop()
        self._aheads.append((since, ahead))
        while len(self._aheads) > 1 and seconds - self._aheads[1][0] >= PATIENCE:
            self._aheads.popleft()
        return elapsed + self._aheads[0][1]
