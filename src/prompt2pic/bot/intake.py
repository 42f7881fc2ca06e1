"""Updates, one by one: confirmed to Telegram only once what they asked for is in the log."""

import asyncio
import hmac
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramConflictError, TelegramRetryAfter
from aiogram.methods import TelegramMethod
from aiogram.types import Update
from pydantic import ValidationError

from prompt2pic.bot.calls import FAILED, WRONG_TOKEN
from prompt2pic.bot.context import Context, asking
from prompt2pic.core.errors import AppendUnknown, LogUnavailable, Problem
from prompt2pic.ops.metrics import Metrics

ALLOWED = ["message", "callback_query"]  # edited messages are none of our business
_POLL = 25  # seconds a long poll waits
_RETRY = 0.5  # seconds before the log is tried again
_LONGEST = 15.0  # seconds before Telegram is tried again
_REMEMBERED = 1000  # updates whose people were told that they have to wait

_log = structlog.get_logger(__name__)


class RawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates whose updates are read one by one: one that this program can not read must not hide the others."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None
    timeout: int
    allowed_updates: list[str]


class Intake:
    """Hands updates to the handlers, in their order; an update that could not be written down is tried again.

    `say` tells the owner, by a key of `texts`.
    """

    def __init__(
        self, bot: Bot, dispatcher: Dispatcher, context: Context, metrics: Metrics, say: Callable[..., None]
    ) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._context = context
        self._metrics = metrics
        self.say = say
        self.conflict = False
        self._excused: deque[int] = deque(maxlen=_REMEMBERED)

    async def take(self, raw: dict[str, Any]) -> None:
        """Return once an update is done with. Raises LogUnavailable, AppendUnknown where it is to be sent again."""
        try:
            update = Update.model_validate(raw, context={"bot": self._bot})
        except ValidationError:
            self._count("unreadable")
            _log.warning("update-unreadable", update=raw.get("update_id"))
            return
        if update.message is None and update.callback_query is None:
            self._count("ignored")
            return
        try:
            await self._dispatcher.feed_update(self._bot, update)
            self._count("done")
        except (LogUnavailable, AppendUnknown) as problem:
            self._count("postponed")
            _log.warning("update-postponed", why=str(problem))
            if update.update_id not in self._excused:
                self._excused.append(update.update_id)
                self._excuse(update, "bot-away")
            raise
        except Exception as error:  # one message must not keep all others from being read
            self._count("failed")
            _log.error("unexpected", update=update.update_id, exc_info=error)
            self._excuse(update, "unexpected")

    async def poll(self) -> None:
        """Ask Telegram for updates until cancelled. Raises Problem where the token is wrong."""
        offset: int | None = None
        failures = 0
        while True:
            try:
                poll = RawUpdates(offset=offset, timeout=_POLL, allowed_updates=ALLOWED)
                updates = await self._bot(poll, request_timeout=_POLL + 15)
                failures, self.conflict = 0, False
            except FAILED as error:
                await asyncio.sleep(self._pause(error, failures))
                failures += 1
                continue
            for raw in updates:
                await self._persist(raw)
                offset = int(raw["update_id"]) + 1

    async def _persist(self, raw: dict[str, Any]) -> None:
        while True:
            try:
                await self.take(raw)
                return
            except (LogUnavailable, AppendUnknown):
                await asyncio.sleep(_RETRY)

    def _pause(self, error: Exception, failures: int) -> float:
        """Return the seconds to wait after a failed poll. Raises Problem where waiting does not help."""
        if isinstance(error, WRONG_TOKEN):
            raise Problem("bot-token-wrong") from None
        if isinstance(error, TelegramConflictError):
            if not self.conflict:
                self.say("bot-second-poller")
            self.conflict = True
        if isinstance(error, TelegramRetryAfter):
            return error.retry_after
        _log.warning("telegram-away", error=type(error).__name__)
        return float(min(_LONGEST, 0.5 * 2 ** min(failures, 10)))

    def _excuse(self, update: Update, key: str) -> None:
        """Tell whoever wrote that it did not work (yet)."""
        who = asking(self._context, update.message) if update.message else None
        if who is not None:
            self._context.tell(who, key, who.texts.say(key))

    def _count(self, outcome: str) -> None:
        self._metrics.updates[outcome].inc()


def webhook_secret(secret: bytes) -> str:
    """Return what proves that a call is from Telegram; all replicas derive the same one (Bot API, setWebhook)."""
    return hmac.digest(secret, b"telegram webhook", "sha256").hex()
