"""What people write: commands, prompts, and all that is neither."""

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import ForceReply, Message

from prompt2pic.bot import showing
from prompt2pic.bot.asking import ask_in_words, message_source
from prompt2pic.bot.context import Asking, Context, asking
from prompt2pic.bot.files import pictures
from prompt2pic.bot.preferring import keyboard, take_negative
from prompt2pic.core.events import Finished
from prompt2pic.core.jobs import Job

# What people send that is no text (Bot API, Message); all else are Telegram's own words of pins, titles and the like.
_CONTENT = {
    *("animation", "audio", "contact", "dice", "document", "game", "location", "paid_media", "photo"),
    *("poll", "sticker", "story", "venue", "video", "video_note", "voice"),
}
_SHOWN = 10  # jobs of /history and /queue; an album holds ten pictures


def router(context: Context) -> Router:
    """Return the handlers of messages; the first that fits answers."""
    routes = Router(name="messages")

    async def admitted(message: Message) -> bool | dict[str, Asking]:
        return _admitted(context, message)

    routes.message.filter(admitted)
    _add_commands(routes, context)
    _add_jobs(routes, context)
    _add_prompts(routes, context)
    return routes


def _admitted(context: Context, message: Message) -> bool | dict[str, Asking]:
    """Return who wrote, or False where that is nobody's business or they are not let in."""
    who = asking(context, message)
    if who is None or (
        message.from_user is not None and message.from_user.is_bot and not message.sender_chat
    ):
        return False
    if not context.access.admits(who.number, who.to.chat, group=who.to.group):
        if not who.to.group:
            context.tell(who, "not-admitted", who.texts.say("bot-not-admitted", number=str(who.number)))
        return False
    return {"who": who}


def _add_commands(routes: Router, context: Context) -> None:
    @routes.message(CommandStart())
    async def start(message: Message, who: Asking) -> None:
        context.tell(who, "start", who.texts.say("bot-start", name=who.first_name))

    @routes.message(Command("help"))
    async def help(message: Message, who: Asking) -> None:
        context.tell(who, "help", _help(context, who))

    @routes.message(Command("txt2img"))
    async def txt2img(message: Message, command: CommandObject, who: Asking) -> None:
        if command.args:
            await ask_in_words(context, who, command.args, message_source(who.to), _sent(message))
            return
        # In a group the bot hears only commands and replies to it, so the question asks for one.
        reply = ForceReply(selective=True) if who.to.group else None
        context.tell(who, "ask", who.texts.say("bot-ask"), reply)

    @routes.message(Command("settings"))
    async def settings(message: Message, who: Asking) -> None:
        context.tell(who, "settings", *keyboard(context, who))

    @routes.message(Command("forget"))
    async def forget(message: Message, who: Asking) -> None:
        count = await context.eraser.forget(who.person.name)
        context.tell(who, "forget", who.texts.say("bot-forgotten", count=count))


def _help(context: Context, who: Asking) -> str:
    """Return the help; that prompts have to be in English stands in it only where that is so."""
    model = context.hub.model()
    english = model is not None and who.texts.language not in model.languages
    key = "bot-help-english" if english else "bot-help"
    return who.texts.say(key, name=who.first_name)


def _add_jobs(routes: Router, context: Context) -> None:
    @routes.message(Command("queue"))
    async def queue(message: Message, who: Asking) -> None:
        mine = open_jobs(context, who)
        queue = context.hub.reader.queue
        painting = len(list(queue.held()))
        lines = [who.texts.say("bot-queue", waiting=len(queue.turns), painting=painting)]
        lines += [_line(context, job, who) for job in mine] or [who.texts.say("bot-queue-none")]
        buttons = showing.to_cancel(mine, who.texts) if mine else None
        context.tell(who, "queue", "\n".join(lines), buttons)

    @routes.message(Command("cancel"))
    async def cancel(message: Message, who: Asking) -> None:
        mine = open_jobs(context, who)
        if not mine:
            context.tell(who, "cancel", who.texts.say("bot-nothing-to-cancel"))
        elif len(mine) == 1:
            await context.submitter.cancel(mine[0])
        else:
            buttons = showing.to_cancel(mine, who.texts)
            context.tell(who, "cancel", who.texts.say("bot-which-to-cancel"), buttons)

    @routes.message(Command("history"))
    async def history(message: Message, who: Asking) -> None:
        jobs = [job for job in context.hub.history.of(who.person.name) if isinstance(job.end, Finished)][
            :_SHOWN
        ]
        if jobs:
            context.errand(who, "history", lambda: _show(context, who, jobs))
        else:
            context.tell(who, "history", who.texts.say("bot-history-empty"))


def open_jobs(context: Context, who: Asking) -> list[Job]:
    """Return the person's jobs that have not ended, oldest first; in a group only those asked for there."""
    found = [
        job
        for job in context.hub.reader.queue.open_jobs()
        if job.end is None and job.request is not None and job.request.person == who.person.name
    ]
    here = [job for job in found if not who.to.group or _chat(job) == who.to.chat]
    return sorted(here, key=lambda job: job.requested)[:_SHOWN]


def _chat(job: Job) -> object:
    return job.request.reply.get("chat") if job.request else None


def _line(context: Context, job: Job, who: Asking) -> str:
    load = context.hub.load()
    state = showing.status(job, context.hub.wait(job.id), load.left(job), who.texts).splitlines()
    return f"• {showing.brief(job)}: {state[-1]}"


async def _show(context: Context, who: Asking, jobs: list[Job]) -> None:
    """Send the first picture of each job, as one album."""
    files, captions = await pictures(context.store, jobs)
    if files:
        await context.calls.album(who.to, who.to.message if who.to.group else None, files, captions)
    else:
        await context.calls.say(who.to, who.texts.say("bot-history-empty"))


def _add_prompts(routes: Router, context: Context) -> None:
    @routes.message(F.text.startswith("/"))
    async def unknown(message: Message, who: Asking) -> None:
        if not who.to.group:
            context.tell(who, "unknown", who.texts.say("bot-unknown-command"))

    @routes.message(F.text)
    async def prompt(message: Message, who: Asking) -> None:
        if who.to.group and not _replies_to_us(message):
            return  # people talk with each other
        if await take_negative(context, who, message):
            return
        await ask_in_words(context, who, message.text or "", message_source(who.to), _sent(message))

    @routes.message()
    async def other(message: Message, who: Asking) -> None:
        if not who.to.group and _is_content(message):
            context.tell(who, "not-text", who.texts.say("bot-not-text"))


def _replies_to_us(message: Message) -> bool:
    replied = message.reply_to_message
    return bool(replied and replied.from_user and message.bot and replied.from_user.id == message.bot.id)


def _is_content(message: Message) -> bool:
    """Whether a person sent something, rather than Telegram telling of pins, titles and the like."""
    return message.content_type in _CONTENT


def _sent(message: Message) -> int:
    return int(message.date.timestamp() * 1000)
