"""Buttons: answered at once, and only to the person who asked for the picture."""

from collections.abc import Awaitable, Callable
from functools import partial

from aiogram import Bot, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, InaccessibleMessage, Message

from prompt2pic.bot import showing
from prompt2pic.bot.addresses import Address, address_of
from prompt2pic.bot.asking import ask_again
from prompt2pic.bot.context import Asking, Context, of_user
from prompt2pic.bot.files import originals
from prompt2pic.bot.outbox import Errand, Urgency
from prompt2pic.bot.preferring import SETTING, choose, keyboard, negative_question
from prompt2pic.core.errors import PictureMissing, Refused
from prompt2pic.core.events import Finished
from prompt2pic.core.jobs import Job

_ASKS = {showing.AGAIN: "again", showing.VARIATIONS: "variations", showing.BEST: "best"}
_ANSWER = 200  # characters (Bot API, answerCallbackQuery)


def router(context: Context, bot: Bot) -> Router:
    """Return the handler of buttons."""
    routes = Router(name="presses")

    @routes.callback_query()
    async def pressed(query: CallbackQuery) -> None:
        if query.message is None:
            return
        who = of_user(context, query.from_user, _address(query.message))
        told, alert = await _answer(context, who, query)
        answer = partial(_tell, bot, query, told, alert=alert)
        lane = f"press {query.id}"  # answered at once, whatever its chat has to wait for
        context.outbox.put(Errand(lane, lane, Urgency.PRESS, answer))

    return routes


async def _tell(bot: Bot, query: CallbackQuery, told: str, *, alert: bool) -> None:
    try:
        await bot.answer_callback_query(query.id, text=told[:_ANSWER], show_alert=alert)
    except TelegramBadRequest:
        return  # too late: the person sees what came of it all the same


async def _answer(context: Context, who: Asking, query: CallbackQuery) -> tuple[str, bool]:
    """Do what a button is for; return what to say of it, and whether that has to be read."""
    if not context.access.admits(who.number, who.to.chat, group=who.to.group):
        return who.texts.say("bot-not-admitted", number=str(who.number)), True
    verb, _, rest = (query.data or "").partition(":")
    if verb == SETTING:
        owner, _, choice = rest.partition(":")
        if owner != str(who.number):
            return who.texts.say("bot-not-yours"), True
        return await _setting(context, who, query, *choice.partition(":")[::2])
    job = context.hub.history.job(rest) or context.hub.reader.queue.job(rest)
    if job is None or job.request is None or verb not in _ACTIONS:
        return who.texts.say("bot-too-old"), True
    if job.request.person != who.person.name:
        return who.texts.say("bot-not-yours"), True
    try:
        return await _ACTIONS[verb](context, who, job, query), False
    except Refused as refused:
        return who.texts.sentence(refused), True


async def _cancel(context: Context, who: Asking, job: Job, query: CallbackQuery) -> str:
    await context.submitter.cancel(job)
    return who.texts.say("bot-cancelled" if job.state == "cancelled" else "bot-too-late")


async def _again(context: Context, who: Asking, job: Job, query: CallbackQuery) -> str:
    verb = (query.data or "").partition(":")[0]
    await ask_again(context, who, job, _ASKS[verb], f"press {query.id}")
    return who.texts.say("bot-taken")


async def _original(context: Context, who: Asking, job: Job, query: CallbackQuery) -> str:
    end = job.end
    if not isinstance(end, Finished):
        raise Refused("picture-link-expired")

    async def send() -> None:
        try:
            files = await originals(context.store, end)
        except PictureMissing:
            await context.calls.say(who.to, who.texts.say("bot-picture-gone"))
            return
        captions = [""] * len(files)
        await context.calls.album(who.to, who.to.message, files, captions, documents=True)

    context.errand(who, f"original {job.id}", send)
    return who.texts.say("bot-original-comes")


Action = Callable[[Context, Asking, Job, CallbackQuery], Awaitable[str]]
_ACTIONS: dict[str, Action] = {
    showing.CANCEL: _cancel,
    showing.ORIGINAL: _original,
    **dict.fromkeys(_ASKS, _again),
}


async def _setting(
    context: Context, who: Asking, query: CallbackQuery, name: str, value: str
) -> tuple[str, bool]:
    if name == "negative":
        context.tell(who, "negative", *negative_question(who))
        return "", False
    if not await choose(context, who, name, value):
        return who.texts.say("bot-too-old"), True
    now = of_user(context, query.from_user, who.to)
    message = who.to.message
    if message is not None:
        words, buttons = keyboard(context, now)
        context.errand(who, "settings", lambda: context.calls.change(who.to, message, words, buttons))
    return now.texts.say("bot-saved"), False


def _address(message: Message | InaccessibleMessage) -> Address:
    if isinstance(message, Message):
        return address_of(message)
    return Address(message.chat.id, None, None, message.chat.type != "private")
