"""What each chat should show, by the queue, and the way from there to what it shows."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from functools import partial

import structlog
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramRetryAfter

from prompt2pic.bot import showing
from prompt2pic.bot.addresses import Address, of_request
from prompt2pic.bot.calls import Calls, ChatGone, MessageMissing, Picture
from prompt2pic.bot.files import originals
from prompt2pic.bot.outbox import PACE, PASSING, Errand, Outbox, Urgency
from prompt2pic.core.errors import PictureMissing
from prompt2pic.core.events import Announced, Delivered, Finished
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import PictureStore, Share
from prompt2pic.core.words import WordList
from prompt2pic.edge.hub import Hub
from prompt2pic.ops.metrics import Metrics
from prompt2pic.texts import Texts, texts

_LOOK = 1.0  # seconds between two looks at places and waits, which change by themselves
_BUSY = 4.5  # seconds after which "sending a photo" is shown again; Telegram shows it for 5
_LONG_WAIT = 30_000  # ms from request to picture after which the person is called
_TRIES = 5  # refusals of one end for no known reason, after which its chat counts as gone
_LINK_LIFE = 7 * 24 * 3600.0  # seconds; the longest that S3 signs for

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Card:
    """One job in one chat, and what this process knows that the log does not say yet.

    `shown` is what the message was last made to show, None where another process may have written it. A `silent` one
    is told of nothing before its end: the person has deleted its message, or the bot was blocked.
    """

    job: Job
    to: Address
    texts: Texts
    sent: int | None = None
    shown: str | None = None
    previewed: bool = False
    pictured: bool = False
    others: tuple[int, ...] = ()
    called: tuple[int, ...] | None = None
    silent: bool = False
    refusals: int = 0
    not_before: float = 0.0
    looked_at: float = 0.0
    busy_at: float = 0.0

    @property
    def message(self) -> int | None:
        """Return the status message."""
        return self.sent if self.sent is not None else self.job.message


class Delivery:
    """Keeps a card for each job that is not over, and puts errands for what its chat does not show yet.

    `share` says which partitions' jobs are this process's to tell of.
    """

    def __init__(
        self,
        hub: Hub,
        outbox: Outbox,
        calls: Calls,
        store: PictureStore,
        metrics: Metrics,
        *,
        share: Share,
        spoiler: WordList,
        linked: bool,
    ) -> None:
        self._hub = hub
        self._outbox = outbox
        self._calls = calls
        self._store = store
        self._metrics = metrics
        self._share = share
        self._spoiler = spoiler
        self._linked = linked
        self._cards: dict[str, Card] = {}
        hub.listeners.append(self.look_at)
        hub.rebuilt.append(self.look_at_all)

    async def run(self) -> None:
        """Take part in telling, and look at what changes without a record, until cancelled."""
        loop = asyncio.get_running_loop()

        def changed() -> None:
            loop.call_soon_threadsafe(self.look_at_all)

        self._share.start(changed)
        try:
            await self._look()
        finally:
            await asyncio.to_thread(self._share.close)

    async def _look(self) -> None:
        while True:
            if self._hub.reader.ready:
                now = time.monotonic()
                for card in list(self._cards.values()):
                    if card.job.state != "waiting" or card.message is None or now > card.looked_at + PACE:
                        self._offer(card)
            await asyncio.sleep(_LOOK)

    def look_at_all(self) -> None:
        """Begin anew: the queue was built anew, or the partitions are shared out differently."""
        self._cards.clear()
        for job in self._hub.reader.queue.open_jobs():
            self.look_at(job)

    def look_at(self, job: Job) -> None:
        """Take in that a job has changed."""
        if job.over or job.request is None or not self._share.mine(job.partition):
            self._cards.pop(job.id, None)
            return
        card = self._cards.get(job.id)
        if card is None:
            to = of_request(job.request)
            if to is None or not job.request.notify:
                return
            card = self._cards[job.id] = Card(job, to, texts(job.request.language))
        card.job = job
        if self._hub.reader.ready:
            self._offer(card)

    def _offer(self, card: Card) -> None:
        job, now = card.job, time.monotonic()
        card.looked_at = now
        if now < card.not_before or (card.silent and job.end is None):
            return
        show, differs = partial(self._show, card), partial(self._differs, card)
        self._outbox.put(Errand(("job", job.id), card.to.chat, _urgency(card), show, differs))
        if job.state == "held" and card.message is not None and now > card.busy_at + _BUSY:
            card.busy_at = now
            busy, painting = partial(self._busy, card), partial(self._is_painted, card)
            self._outbox.put(Errand(("busy", job.id), card.to.chat, Urgency.ACTION, busy, painting))

    async def _busy(self, card: Card) -> None:
        with contextlib.suppress(ChatGone):
            await self._calls.busy(card.to)

    def _is_painted(self, card: Card) -> bool:
        return self._current(card) and card.job.state == "held"

    def _current(self, card: Card) -> bool:
        return self._cards.get(card.job.id) is card

    def _differs(self, card: Card) -> bool:
        """Whether the chat does not show yet what it should."""
        if not self._current(card):
            return False
        return card.message is None or card.job.end is not None or self._words(card) != card.shown

    def _words(self, card: Card) -> str:
        job = card.job
        left = self._hub.load().left(job) if job.progress else 0.0
        return showing.status(job, self._hub.wait(job.id), left, card.texts)

    async def _show(self, card: Card) -> None:
        """Make the one step that is due: announce, bring up to date, or deliver."""
        if not self._current(card):
            return
        try:
            if card.message is None:
                await self._announce(card)
            elif card.job.message != card.message:
                await self._tell_announced(card)
            elif card.job.end is None:
                await self._update(card)
            else:
                await self._end(card)
        except MessageMissing:
            await self._replace(card)
        except ChatGone:
            await self._give_up(card)
        except (TelegramRetryAfter, *PASSING):
            raise
        except TelegramAPIError as refused:
            await self._refused(card, refused)

    async def _announce(self, card: Card) -> None:
        words = self._words(card)
        card.sent = await self._calls.say(card.to, words, showing.under_status(card.job, card.texts))
        card.shown = words
        await self._tell_announced(card)

    async def _tell_announced(self, card: Card) -> None:
        assert card.sent is not None, "only what was sent is announced"  # noqa: S101
        job = card.job
        await self._hub.tell(job, Announced(request=job.id, at=job.at, message=card.sent))

    async def _replace(self, card: Card) -> None:
        """Do without a message that was deleted, until there is a picture, or an end, to be told."""
        if card.job.end is None:
            card.silent = True
        else:
            await self._announce(card)

    async def _update(self, card: Card) -> None:
        words, buttons = self._words(card), showing.under_status(card.job, card.texts)
        assert card.message is not None, "it was announced"  # noqa: S101
        preview = showing.preview(card.job)
        if preview is None:
            await self._calls.change(card.to, card.message, words, buttons, pictured=card.previewed)
        else:
            await self._calls.show(card.to, card.message, Picture(preview, "preview.jpg"), words, buttons)
            card.previewed = True
        card.shown = words

    async def _end(self, card: Card) -> None:
        job, message = card.job, card.message
        assert message is not None, "it was announced"  # noqa: S101
        if isinstance(job.end, Finished):
            await self._bring(card, message, job.end)
        else:
            buttons = showing.under_ended(job, card.texts)
            told = showing.ended(job, card.texts)
            await self._calls.change(card.to, message, told, buttons, pictured=card.previewed)
        if card.called is None:
            card.called = await self._call(card, message)
        messages = (message, *card.others, *card.called)
        await self._hub.tell(job, Delivered(request=job.id, at=job.at, messages=messages))
        self._metrics.delivery_seconds.observe(max(0, self._hub.now() - job.ended) / 1000)

    async def _bring(self, card: Card, message: int, end: Finished) -> None:
        """Put the first picture in the place of the status message; the others follow as a reply to it."""
        job = card.job
        spoiler = job.request is not None and self._spoiler.matches(job.request.prompt)
        try:
            first, *others = await originals(self._store, end)
        except PictureMissing:
            if not card.pictured:
                await self._calls.change(card.to, message, card.texts.say("bot-picture-gone"), None)
            return
        if not card.pictured:
            buttons = showing.under_picture(job, self._link(end), card.texts)
            words = showing.caption(job, card.texts)
            await self._calls.show(card.to, message, first, words, buttons, spoiler=spoiler)
            card.pictured = True
        if others and not card.others:
            await self._outbox.slot()
            captions = [card.texts.say("bot-seed", seed=str(each.seed)) for each in end.pictures[1:]]
            card.others = await self._calls.album(card.to, message, others, captions, spoiler=spoiler)

    async def _call(self, card: Card, message: int) -> tuple[int, ...]:
        """Call the person after a long wait: edits make no sound."""
        job = card.job
        if not isinstance(job.end, Finished) or job.ended - job.requested < _LONG_WAIT:
            return ()
        await self._outbox.slot()
        return (await self._calls.notify(card.to, message, card.texts.say("bot-ready")),)

    def _link(self, end: Finished) -> str | None:
        return self._store.link(end.pictures[0].key, _LINK_LIFE) if self._linked else None

    async def _refused(self, card: Card, refused: TelegramAPIError) -> None:
        """Try again what Telegram refused for no reason we know; an end that is refused for good counts as gone."""
        card.refusals += 1
        _log.error("telegram-refused", why=_reason(refused), refusals=card.refusals)
        self._metrics.telegram_errors[type(refused).__name__].inc()
        if card.refusals >= _TRIES:
            await self._give_up(card)
        else:
            card.not_before = time.monotonic() + 2.0**card.refusals

    async def _give_up(self, card: Card) -> None:
        """Note that a chat could not be told of an end; of one that is yet to come it may be told again by then."""
        job = card.job
        if job.end is None:
            card.silent = True
            return
        await self._hub.tell(job, Delivered(request=job.id, at=job.at, gone=True))
        self._metrics.gone.inc()


def _urgency(card: Card) -> Urgency:
    if card.job.end is not None:
        return Urgency.PICTURE if isinstance(card.job.end, Finished) else Urgency.END
    if card.message is None:
        return Urgency.NEW
    return Urgency.PROGRESS if card.job.state == "held" else Urgency.PLACE


def _reason(refused: TelegramAPIError) -> str:
    return refused.message if isinstance(refused, TelegramBadRequest) else type(refused).__name__
