"""What the handlers work with, and who may use the bot."""

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from aiogram.types import ForceReply, InlineKeyboardMarkup, Message, User

from prompt2pic.bot.addresses import Address, address_of
from prompt2pic.bot.calls import Calls, ChatGone
from prompt2pic.bot.outbox import Errand, Outbox, Urgency
from prompt2pic.core.asks import Limits
from prompt2pic.core.ports import PictureStore
from prompt2pic.core.rules import Preferences
from prompt2pic.edge.erase import Eraser
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.person import Person
from prompt2pic.edge.submit import Submitter
from prompt2pic.texts import Texts, nearest, texts


class Access(NamedTuple):
    """Whom the owner lets in, by Telegram's ids: empty `people` and `groups` let in everybody."""

    people: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    admins: frozenset[int] = frozenset()

    def admits(self, person: int, chat: int, *, group: bool) -> bool:
        """Whether a person may use the bot in a chat; admins may everywhere."""
        if person in self.admins or not (self.people or self.groups):
            return True
        return person in self.people or (group and chat in self.groups)


class Context(NamedTuple):
    """The parts of the bot that its handlers share."""

    hub: Hub
    submitter: Submitter
    eraser: Eraser
    outbox: Outbox
    calls: Calls
    store: PictureStore
    access: Access
    limits: Limits

    def tell(
        self,
        who: "Asking",
        key: str,
        words: str,
        buttons: InlineKeyboardMarkup | ForceReply | None = None,
    ) -> None:
        """Have words sent to a person's chat; of two answers to them with one key that wait, the newer is sent."""
        self.errand(who, key, partial(self.calls.say, who.to, words, buttons))

    def errand(self, who: "Asking", key: str, run: Callable[[], Awaitable[object]]) -> None:
        """Have something done for a person in their chat; one that is gone hears nothing."""

        async def done() -> None:
            with contextlib.suppress(ChatGone):
                await run()

        self.outbox.put(Errand((key, who.number), who.to.chat, Urgency.REPLY, done))

    def preferences(self, name: str) -> Preferences:
        """Return what a person prefers."""
        return self.hub.reader.rules.preferences(name)


class Asking(NamedTuple):
    """A person, the chat they wrote in and the words they read."""

    person: Person
    number: int
    first_name: str
    to: Address
    texts: Texts
    preferences: Preferences


def person_name(number: int) -> str:
    """Return the name under which the log knows somebody by their id in Telegram."""
    return f"tg:{number}"


def asking(context: Context, message: Message) -> Asking | None:
    """Return who wrote a message, None where nobody can be told by it."""
    if message.sender_chat is not None:  # an anonymous admin, or a channel
        return _asking(
            context, message.sender_chat.id, message.sender_chat.title or "", "", address_of(message)
        )
    return of_user(context, message.from_user, address_of(message)) if message.from_user else None


def of_user(context: Context, user: User, to: Address) -> Asking:
    """Return a person who is known by their account."""
    return _asking(context, user.id, user.first_name, user.language_code or "", to)


def _asking(context: Context, number: int, first_name: str, language: str, to: Address) -> Asking:
    preferences = context.preferences(person_name(number))
    chosen = nearest(preferences.language or language)
    return Asking(Person(person_name(number), chosen), number, first_name, to, texts(chosen), preferences)
