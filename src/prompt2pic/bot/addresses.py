"""Where an answer goes: a chat, a thread in it, the message it replies to."""

from typing import NamedTuple

from aiogram.types import Message

from prompt2pic.core.requests import Request

TELEGRAM = "telegram"  # the kind of `reply` of requests that came through this bot


class Address(NamedTuple):
    """A chat, and in it a forum's topic and the message that is answered, where there are such."""

    chat: int
    message: int | None = None
    thread: int | None = None
    group: bool = False


def address_of(message: Message) -> Address:
    """Return where to answer a message: a thread counts only in forums (Bot API, Message.is_topic_message)."""
    thread = message.message_thread_id if message.is_topic_message else None
    return Address(message.chat.id, message.message_id, thread, message.chat.type != "private")


def to_reply(address: Address) -> dict[str, str | int]:
    """Return an address as a request carries it."""
    fields = {name: int(value) for name, value in address._asdict().items() if value is not None}
    return {"kind": TELEGRAM, **fields}


def of_request(request: Request) -> Address | None:
    """Return where to answer a request, None where it did not come through this bot."""
    reply = request.reply
    if reply.get("kind") != TELEGRAM or not isinstance(reply.get("chat"), int):
        return None
    message, thread = reply.get("message"), reply.get("thread")
    return Address(
        int(reply["chat"]),
        message if isinstance(message, int) else None,
        thread if isinstance(thread, int) else None,
        bool(reply.get("group")),
    )
