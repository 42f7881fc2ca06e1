"""A chat as text: who said what, [buttons], ‹pictures›."""

from collections.abc import Iterable

from tests.telegram.messages import Message


def of(messages: Iterable[Message]) -> str:
    """Return the chat, a message a paragraph."""
    shown = list(messages)
    by_id = {message.id: message for message in shown}
    return "\n".join(_shown(message, by_id) for message in shown) or "(nobody said anything)"


def media(message: Message) -> str:
    """Return what a message carries, in one word and its size."""
    if message.file is None:
        return "".join(f"‹{kind}›" for kind in ("sticker", "voice", "location") if kind in message.content)
    if message.file.kind == "photo":
        blurred = " blurred" if message.spoiler else ""
        return f"‹picture {message.file.width}x{message.file.height}{blurred}›"
    return f"‹file {message.file.name}›"


def _shown(message: Message, by_id: dict[int, Message]) -> str:
    if message.service:
        return f"— {' '.join(message.content)} —"
    edited = " (edited)" if message.edited else ""
    words = [_quoted(message, by_id), media(message), message.words.replace("\n", "\n    ")]
    line = f"{message.sender['first_name']}{edited}: {' '.join(word for word in words if word)}"
    return "\n".join([line, *("    " + " ".join(f"[{text}]" for text in row) for row in message.buttons)])


def _quoted(message: Message, by_id: dict[int, Message]) -> str:
    if message.reply_to is None:
        return ""
    quoted = by_id.get(message.reply_to)
    return (
        f"↩ {quoted.words[:20].splitlines()[0] if quoted.words else media(quoted)} |"
        if quoted
        else "↩ (deleted) |"
    )
