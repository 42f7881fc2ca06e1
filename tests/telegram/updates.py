"""What waits for the bot: updates, fetched by long polling or brought by a webhook (#getting-updates)."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.telegram.refusals import Refusal

Json = dict[str, Any]
_LONGEST_POLL = 50  # seconds; the server of the Bot API cuts longer ones
_REMEMBERED = 1000  # confirmed updates kept for `again`
# #getupdates: an empty list means all but these.
_ONLY_WHEN_ASKED = {"chat_member", "message_reaction", "message_reaction_count"}
_TAKEN_OVER = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
_WEBHOOK_CAME = "Conflict: terminated by setWebhook request"
_WEBHOOK_IS_SET = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


@dataclass
class Webhook:
    """Where updates are brought, and how the last attempt went (#webhookinfo)."""

    url: str
    secret: str | None
    last_error: str | None = None
    last_error_date: int | None = None


class Updates:
    """The bot's queue; an update leaves it only when a later offset confirms it, or the webhook took it."""

    def __init__(self, lock: threading.Condition) -> None:
        self.webhook: Webhook | None = None
        self.twice = False  # deliver each update once more, in the answer after the one that first had it
        self.allowed: list[str] = []
        self.bell: Callable[[], None] = lambda: None  # the server's: something is there to fetch
        self._lock = lock
        self._next = 700_000_001
        self._pending: deque[Json] = deque()
        self._ghosts: deque[Json] = deque()
        self._first_time: set[int] = set()
        self._confirmed: deque[Json] = deque(maxlen=_REMEMBERED)
        self._poller: asyncio.Future[str | None] | None = None

    def add(self, kind: str, content: Json) -> None:
        """Queue an update, if the bot wants its kind; what it does not want is lost, as #getupdates says."""
        with self._lock:
            if self.wanted(kind):
                self._pending.append({"update_id": self._next, kind: content})
                self._first_time.add(self._next)
                self._next += 1
        self.bell()

    def wanted(self, kind: str) -> bool:
        """Tell whether updates of this kind are sent to the bot."""
        return kind in self.allowed if self.allowed else kind not in _ONLY_WHEN_ASKED

    def again(self, count: int = 1) -> None:
        """Deliver the last confirmed updates once more, as Telegram may do after a bot starts anew."""
        with self._lock:
            self._ghosts.extend(list(self._confirmed)[-count:])
        self.bell()

    def count(self) -> int:
        """Return how many are not confirmed."""
        with self._lock:
            return len(self._pending)

    def drop(self) -> None:
        """Forget all that wait (`drop_pending_updates`)."""
        with self._lock:
            self._pending.clear()
            self._ghosts.clear()

    async def poll(self, offset: int, limit: int, seconds: int) -> list[Json]:
        """Answer `getUpdates`: at most `limit` updates, as soon as there are some or the time is over."""
        if self.webhook is not None:
            raise Refusal(409, _WEBHOOK_IS_SET)
        self._end_poll(_TAKEN_OVER)
        self._confirm(offset)
        deadline = asyncio.get_running_loop().time() + min(seconds, _LONGEST_POLL)
        while not (found := self.take(limit)):
            if not await self._something_comes(deadline):
                break
        return found

    def rung(self) -> None:
        """Wake the poller; runs in the server's loop."""
        self._end_poll(None)

    def set_webhook(self, webhook: Webhook | None) -> None:
        """Bring updates there from now on."""
        self.webhook = webhook
        if webhook is not None:
            self._end_poll(_WEBHOOK_CAME)
        self.bell()

    def take(self, limit: int) -> list[Json]:
        """Return what is next, without confirming it."""
        with self._lock:
            ghosts = [self._ghosts.popleft() for _ in range(min(limit, len(self._ghosts)))]
            fresh = list(self._pending)[: limit - len(ghosts)]
            if self.twice:
                self._ghosts.extend(one for one in fresh if one["update_id"] in self._first_time)
            self._first_time -= {one["update_id"] for one in fresh}
            return ghosts + fresh

    def confirm(self, update: Json) -> None:
        """Count one as delivered; the webhook took it."""
        with self._lock:
            if update in self._pending:
                self._pending.remove(update)
                self._confirmed.append(update)

    def _confirm(self, offset: int) -> None:
        """#getupdates: an update is confirmed as soon as getUpdates is called with an offset higher than its id."""
        with self._lock:
            if (
                offset < 0
            ):  # "to retrieve updates starting from -offset from the end; previous ones are forgotten"
                offset = self._next + offset
            while self._pending and self._pending[0]["update_id"] < offset:
                self._confirmed.append(self._pending.popleft())

    def _end_poll(self, why: str | None) -> None:
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(why)

    async def _something_comes(self, deadline: float) -> bool:
        """Wait for news; the older of two pollers is refused, the newer one goes on, as in the server's source."""
        loop = asyncio.get_running_loop()
        self._poller = waiter = loop.create_future()
        try:
            async with asyncio.timeout_at(deadline):
                why = await waiter
        except TimeoutError:
            return False
        if why is not None:
            raise Refusal(409, why)
        return True
