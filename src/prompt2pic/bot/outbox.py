"""The one way out: every message goes through here, paced as Telegram wants it.

Bots FAQ, "My bot is hitting limits": about one message a second in a chat, 20 a minute in a group, about 30 a second
in all. A chat that is told to wait (429, `retry_after`) waits alone.
"""

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum

import structlog
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)

from prompt2pic.core.errors import AppendUnknown, LogUnavailable, StoreUnavailable
from prompt2pic.ops.metrics import Metrics

CALLS = 25  # a second, all chats together
PACE = 3.0  # seconds between two edits of what is on its way, in a private chat
GROUP_PACE = 6.0  # seconds, in a group
_LONGEST = 15.0  # seconds before a chat that could not be reached is tried again
_BURST = 5  # calls that may be made at once after a pause
_MOST_AT_ONCE = 64  # calls under way

# What passes: the errand is done again. A body that is no JSON (502 from a proxy) is ClientDecodeError.
PASSING = (
    TelegramNetworkError,
    TelegramServerError,
    ClientDecodeError,
    LogUnavailable,
    AppendUnknown,
    StoreUnavailable,
)

_log = structlog.get_logger(__name__)


def _is_group(chat: int | str) -> bool:
    """Whether an id is a group's: those are negative (Bot API, Chat)."""
    return isinstance(chat, int) and chat < 0


class Urgency(IntEnum):
    """What goes first; `PLACE` and what follows keep a chat's pace."""

    PRESS = 0
    PICTURE = 1
    REPLY = 2
    END = 3
    NEW = 4
    PLACE = 5
    PROGRESS = 6
    ACTION = 7


@dataclass(slots=True)
class Errand:
    """One thing to be told to a `chat`, or in a lane of its own with a name. Of two with one key the newer stays.

    `run` makes the calls, by what is true then; `wanted` says shortly before whether there is still anything to tell.
    """

    key: Hashable
    chat: int | str
    urgency: Urgency
    run: Callable[[], Awaitable[None]]
    wanted: Callable[[], bool] = lambda: True


@dataclass(slots=True)
class _Chat:
    """What is known of one chat's pace; times by the monotonic clock."""

    pending: dict[Hashable, Errand] = field(default_factory=dict)
    parked: list[tuple[int, int, Errand]] = field(default_factory=list)
    running: bool = False
    not_before: float = 0.0
    next_edit: float = 0.0
    failures: int = 0


class Outbox:
    """Runs errands, the most urgent first, one at a time in each chat; what fails for a while is done again."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._chats: dict[int | str, _Chat] = {}
        self._ready: list[tuple[int, int, Errand]] = []
        self._asleep: list[tuple[float, int, Errand]] = []
        self._order = 0
        self._free = 0.0
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, errand: Errand) -> None:
        """Take an errand; one that waits under the same key gives way, and keeps its place if it is as urgent."""
        chat = self._chats.setdefault(errand.chat, _Chat())
        waiting = chat.pending.get(errand.key)
        if waiting is not None and waiting.urgency == errand.urgency:
            waiting.run, waiting.wanted = errand.run, errand.wanted
            return
        chat.pending[errand.key] = errand
        self._line_up(errand, chat)

    def waiting(self) -> int:
        """Return how many errands wait."""
        return sum(len(chat.pending) for chat in self._chats.values())

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                errand = self._next()
                if errand is None:
                    await self._pause()
                    continue
                await self.slot()
                self._start(errand)
        finally:
            for task in self._tasks:
                task.cancel()

    async def slot(self) -> None:
        """Return once one more call may be made: `CALLS` a second, evenly, after a pause a few at once (GCRA)."""
        now = time.monotonic()
        self._free = max(self._free, now - _BURST / CALLS) + 1 / CALLS
        await asyncio.sleep(max(0.0, self._free - now))

    def _line_up(self, errand: Errand, chat: _Chat) -> None:
        self._order += 1
        due = self._due(errand, chat)
        if due <= time.monotonic():
            heapq.heappush(self._ready, (errand.urgency, self._order, errand))
        else:
            heapq.heappush(self._asleep, (due, self._order, errand))
        self._news.set()

    def _due(self, errand: Errand, chat: _Chat) -> float:
        paced = errand.urgency >= Urgency.PLACE
        return max(chat.not_before, chat.next_edit) if paced else chat.not_before

    def _next(self) -> Errand | None:
        """Return the most urgent errand that may be run now and is still wanted."""
        self._wake()
        if len(self._tasks) >= _MOST_AT_ONCE:
            return None
        while self._ready:
            urgency, order, errand = heapq.heappop(self._ready)
            chat = self._chats.get(errand.chat)
            if chat is None or chat.pending.get(errand.key) is not errand:
                continue  # a newer one took its place, or there was nothing left to tell
            if chat.running:
                chat.parked.append((urgency, order, errand))
            elif self._due(errand, chat) > time.monotonic():
                self._line_up(errand, chat)
            elif self._is_wanted(errand, chat):
                return errand
        return None

    def _is_wanted(self, errand: Errand, chat: _Chat) -> bool:
        if errand.wanted():
            return True
        del chat.pending[errand.key]
        self._forget(errand.chat)
        return False

    def _wake(self) -> None:
        now = time.monotonic()
        while self._asleep and self._asleep[0][0] <= now:
            _, order, errand = heapq.heappop(self._asleep)
            heapq.heappush(self._ready, (errand.urgency, order, errand))

    async def _pause(self) -> None:
        """Wait for an errand, for the end of one, or for the next one that is due."""
        timeout = self._asleep[0][0] - time.monotonic() if self._asleep else None
        try:
            await asyncio.wait_for(self._news.wait(), timeout)
        except TimeoutError:
            return
        self._news.clear()

    def _start(self, errand: Errand) -> None:
        chat = self._chats[errand.chat]
        del chat.pending[errand.key]
        chat.running = True
        if errand.urgency >= Urgency.PLACE:
            chat.next_edit = time.monotonic() + (GROUP_PACE if _is_group(errand.chat) else PACE)
        task = asyncio.create_task(self._perform(errand, chat))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, errand: Errand, chat: _Chat) -> None:
        try:
            await errand.run()
            chat.failures = 0
        except TelegramRetryAfter as flood:
            self._metrics.telegram_floods.inc()
            self._again(errand, chat, flood.retry_after)
        except PASSING as error:
            if not self._metrics.trouble(error):
                self._metrics.telegram_errors[type(error).__name__].inc()
            _log.warning("telegram-passing", error=type(error).__name__, urgency=errand.urgency.name)
            self._again(errand, chat, min(_LONGEST, 0.25 * 2 ** min(chat.failures, 10)))
            chat.failures += 1
        except Exception as error:
            self._metrics.telegram_errors[type(error).__name__].inc()
            _log.error("errand-failed", urgency=errand.urgency.name, exc_info=error)
        finally:
            chat.running = False
            parked, chat.parked = chat.parked, []
            for entry in parked:
                heapq.heappush(self._ready, entry)
            self._news.set()
            self._forget(errand.chat)

    def _again(self, errand: Errand, chat: _Chat, seconds: float) -> None:
        """Do an errand again after a pause of its chat, unless a newer one came."""
        chat.not_before = time.monotonic() + seconds
        if errand.key not in chat.pending:
            chat.pending[errand.key] = errand
            self._line_up(errand, chat)

    def _forget(self, number: int | str) -> None:
        """Keep no chat that has neither errands nor a pace to keep."""
        chat = self._chats[number]
        now = time.monotonic()
        if not (chat.pending or chat.running or chat.failures or max(chat.not_before, chat.next_edit) > now):
            del self._chats[number]
