"""What one thread has fetched and another one takes."""

import threading
from collections import deque
from typing import NamedTuple

from prompt2pic.core.errors import LogTruncated, LogUnavailable
from prompt2pic.core.ports import Place, Record

ENOUGH = 20_000  # records
ENOUGH_BYTES = 16 << 20


class Move(NamedTuple):
    """A position that moved on without a record: what lay before it is held no more."""

    place: Place
    offset: int


class Buffer:
    """Hands records from the thread that fetches to the one that polls, and tells it what is wrong.

    It is full, with a little room to spare, at some thousand records or some megabytes.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._entries: deque[Record | Move] = deque()
        self._bytes = 0
        self._woken = False
        self._away: LogUnavailable | None = None
        self._lost: LogTruncated | None = None

    def put(self, entries: list[Record] | list[Move]) -> None:
        """Add what was fetched."""
        with self._news:
            self._entries.extend(entries)
            self._bytes += sum(_size(entry) for entry in entries)
            self._news.notify_all()

    def has_room(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for room, and say whether there is any."""
        with self._news:
            return self._news.wait_for(self._not_full, timeout)

    def away(self, problem: LogUnavailable | None) -> None:
        """Tell that the log can not be read now, or that it can again."""
        with self._news:
            self._away = problem

    def lose(self, problem: LogTruncated) -> None:
        """Tell, for ever, that offsets went back."""
        with self._news:
            self._lost = self._lost or problem
            self._news.notify_all()

    def take(self, timeout: float, limit: int) -> list[Record | Move]:
        """Return at most `limit` entries, waiting up to `timeout` seconds for the first.

        Raises LogTruncated, and LogUnavailable where there is none because the log is away.
        """
        with self._news:
            self._news.wait_for(lambda: self._entries or self._woken or self._lost, timeout)
            woken, self._woken = self._woken, False
            if self._lost:
                raise self._lost.with_traceback(None)
            taken = [self._entries.popleft() for _ in range(min(limit, len(self._entries)))]
            if not taken and self._away and not woken:
                raise self._away.with_traceback(None)
            self._bytes -= sum(_size(entry) for entry in taken)
            self._news.notify_all()
        return taken

    def wake(self) -> None:
        """Make a `take` that waits return early, or the next one where none waits."""
        with self._news:
            self._woken = True
            self._news.notify_all()

    def _not_full(self) -> bool:
        return len(self._entries) < ENOUGH and self._bytes < ENOUGH_BYTES


def _size(entry: Record | Move) -> int:
    return len(entry.value) if isinstance(entry, Record) else 0
