"""/settings: what a person means where they say nothing, as a keyboard and one question."""

import asyncio
from functools import partial

import msgspec
from aiogram.types import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, Message

from prompt2pic.bot.context import Asking, Context
from prompt2pic.core.asks import tidy
from prompt2pic.core.ports import Place
from prompt2pic.core.reader import SETTINGS
from prompt2pic.core.requests import LEVELS
from prompt2pic.core.rules import Ban, Preferences, personal
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.patience import in_time
from prompt2pic.texts import LANGUAGES, texts

SETTING = "s"  # the verb of these buttons
_SIZES = 6  # of the model, that are offered
_NOTHING = "-"  # what is written for no negative prompt


def keyboard(context: Context, who: Asking) -> tuple[str, InlineKeyboardMarkup]:
    """Return the words and the buttons of /settings; the chosen ones are marked."""
    say, prefers = who.texts.say, who.preferences
    choice = partial(_choice, who.number)
    levels = [
        choice("level", name, say("bot-level", level=name), prefers.level) for name in ("auto", *LEVELS)
    ]
    size = f"{prefers.width}x{prefers.height}" if prefers.width else "auto"
    sizes = [choice("size", name, label, size) for name, label in _sizes(context, who)]
    languages = [
        choice("language", name, say("bot-language", language=name), prefers.language or "auto")
        for name in ("auto", *LANGUAGES)
    ]
    negative = InlineKeyboardButton(
        text=say("bot-button-negative"), callback_data=f"{SETTING}:{who.number}:negative:"
    )
    rows = [
        levels[:2],
        levels[2:],
        *(sizes[n : n + 3] for n in range(0, len(sizes), 3)),
        languages,
        [negative],
    ]
    words = say("bot-settings", negative=prefers.negative or say("bot-nothing"))
    return words, InlineKeyboardMarkup(inline_keyboard=rows)


async def choose(context: Context, who: Asking, name: str, value: str) -> bool:
    """Take the press of a button of /settings; say whether it is one that there is. Raises LogUnavailable."""
    changes = _changes(name, value)
    if changes is None:
        return False
    await save(context, msgspec.structs.replace(who.preferences, **changes))
    return True


async def save(context: Context, record: Preferences | Ban) -> None:
    """Append a record about a person and return once it was read back. Raises LogUnavailable, AppendUnknown."""
    async with in_time():
        await _save(context.hub, record)


async def _save(hub: Hub, record: Preferences | Ban) -> None:
    key, value = personal(record)
    await asyncio.to_thread(hub.log.append, Place(SETTINGS, 0), key, value)
    rules = hub.reader.rules
    if isinstance(record, Ban):
        await hub.until(lambda: (record.person in rules.banned) == record.on)
    else:
        await hub.until(lambda: rules.preferences(record.person) == record)


def negative_question(who: Asking) -> tuple[str, ForceReply]:
    """Return the question for words to be kept out of pictures; the reply to it is the answer."""
    return who.texts.say("bot-ask-negative"), ForceReply(selective=True)


async def take_negative(context: Context, who: Asking, message: Message) -> bool:
    """Take a reply to the question for the negative prompt; say whether the message was one."""
    question = message.reply_to_message.text if message.reply_to_message else None
    if question not in [texts(language).say("bot-ask-negative") for language in LANGUAGES]:
        return False
    words = tidy(message.text or "")
    if len(words) > context.limits.prompt:
        told = who.texts.say("negative-too-long", length=len(words), limit=context.limits.prompt)
        context.tell(who, "negative", told)
        return True
    preferences = msgspec.structs.replace(who.preferences, negative="" if words == _NOTHING else words)
    await save(context, preferences)
    context.tell(who, "settings", *keyboard(context, who._replace(preferences=preferences)))
    return True


def _choice(owner: int, name: str, value: str, label: str, chosen: str) -> InlineKeyboardButton:
    mark = "✓ " if value == chosen else ""
    return InlineKeyboardButton(text=mark + label, callback_data=f"{SETTING}:{owner}:{name}:{value}")


def _sizes(context: Context, who: Asking) -> list[tuple[str, str]]:
    model = context.hub.model()
    offered = model.sizes[:_SIZES] if model and len(model.sizes) > 1 else ()
    return [("auto", who.texts.say("bot-size-auto"))] + [(f"{w}x{h}", f"{w}×{h}") for w, h in offered]


def _changes(name: str, value: str) -> dict[str, object] | None:
    if name == "level" and value in ("auto", *LEVELS):
        return {"level": value}
    if name == "language" and value in ("auto", *LANGUAGES):
        return {"language": "" if value == "auto" else value}
    if name == "size":
        width, _, height = value.partition("x")
        if value == "auto":
            return {"width": None, "height": None}
        if (
            width.isdecimal()
            and height.isdecimal()
            and 0 < int(width) <= 65_536
            and 0 < int(height) <= 65_536
        ):
            return {"width": int(width), "height": int(height)}
    return None
