"""What admins may do from a chat: look, ban, drain."""

import asyncio
import re

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from prompt2pic.bot.context import Asking, Context, asking, person_name
from prompt2pic.bot.preferring import save
from prompt2pic.core.reader import write_drain
from prompt2pic.core.rules import Ban


def router(context: Context) -> Router:
    """Return the handlers of admins' commands; to anybody else they do not exist."""
    routes = Router(name="owners")

    async def admin(message: Message) -> bool | dict[str, Asking]:
        return _admin(context, message)

    routes.message.filter(admin)

    @routes.message(Command("stats"))
    async def stats(message: Message, who: Asking) -> None:
        context.tell(who, "stats", _stats(context, who))

    @routes.message(Command("ban", "unban"))
    async def ban(message: Message, command: CommandObject, who: Asking) -> None:
        number = _meant(message, command)
        if number is None:
            context.tell(who, "ban", who.texts.say("bot-ban-whom", command=f"/{command.command}"))
            return
        on = command.command == "ban"
        await save(context, Ban(person=person_name(number), on=on))
        told = who.texts.say("bot-banned" if on else "bot-unbanned", number=str(number))
        context.tell(who, "ban", told)

    @routes.message(Command("drain"))
    async def drain(message: Message, command: CommandObject, who: Asking) -> None:
        on = (command.args or "").strip().lower() != "off"
        await asyncio.to_thread(write_drain, context.hub.log, on=on)
        context.tell(who, "drain", who.texts.say("bot-drain-on" if on else "bot-drain-off"))

    return routes


def _admin(context: Context, message: Message) -> bool | dict[str, Asking]:
    who = asking(context, message)
    return {"who": who} if who is not None and who.number in context.access.admins else False


def _stats(context: Context, who: Asking) -> str:
    hub = context.hub
    load, queue = hub.load(), hub.reader.queue
    people, pictures = queue.tally.day(hub.now())
    return who.texts.say(
        "bot-stats",
        waiting=len(queue.turns),
        painting=len(load.held),
        workers=len(load.workers),
        people=people,
        pictures=pictures,
    )


def _meant(message: Message, command: CommandObject) -> int | None:
    """Return the id behind a command, or of whoever wrote the message that it replies to."""
    text = (command.args or "").strip()
    if re.fullmatch(r"-?[0-9]{1,19}", text):
        return int(text)
    replied = message.reply_to_message
    return replied.from_user.id if not text and replied and replied.from_user else None
