"""A chat as a page, as a phone shows it: for pictures in the documentation."""

import base64
import html
from itertools import chain

from aiogram.types import MessageEntity
from aiogram.utils.text_decorations import html_decoration

from tests.telegram.chats import Chat
from tests.telegram.messages import Json, Message

_PAGE = """<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=400"><title>{title}</title><style>
body {{ width: 400px; margin: 0 auto; padding: 12px 10px; box-sizing: border-box; background: #d6e4ee;
  font: 15px/1.35 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; color: #111; }}
h1 {{ margin: -12px -10px 12px; padding: 10px 14px; background: #fff; font-size: 16px; }}
.message {{ width: fit-content; max-width: 330px; min-width: 90px; margin: 6px 0; overflow-wrap: anywhere; }}
.person {{ margin-left: auto; }}
.bubble {{ background: #fff; border-radius: 14px 14px 14px 4px; overflow: hidden; box-shadow: 0 1px 1px #0002; }}
.person .bubble {{ background: #e3fbd0; border-radius: 14px 14px 4px 14px; }}
.picture {{ overflow: hidden; }}
.bubble img {{ display: block; width: 330px; max-width: 100%; }}
.bubble img.blurred {{ filter: blur(24px); transform: scale(1.2); }}
.bubble p {{ margin: 0; padding: 7px 11px; white-space: pre-wrap; }}
.reply {{ margin: 7px 11px 0; padding-left: 7px; border-left: 3px solid #3390ec; font-size: 13px; color: #555; }}
.row {{ display: flex; gap: 4px; margin-top: 4px; }}
.row span {{ flex: 1; padding: 8px 4px; border-radius: 8px; background: #6a8ba6; color: #fff; text-align: center;
  font-size: 14px; }}
.service {{ width: fit-content; margin: 8px auto; padding: 2px 10px; border-radius: 10px; background: #0003;
  color: #fff; font-size: 13px; }}
blockquote, pre {{ margin: 2px 0; padding: 2px 8px; border-left: 3px solid #3390ec; background: #3390ec18;
  white-space: pre-wrap; }}
</style></head><body><h1>{title}</h1>
{messages}
</body></html>
"""


def rendered(chat: Chat) -> str:
    """Return a page of 400 pixels' width that needs nothing else."""
    title = chat.title or chat.telegram.bot_user["first_name"]
    shown = chat.everything
    by_id = {message.id: message for message in shown}
    messages = "\n".join(_message(message, by_id) for message in shown)
    return _PAGE.format(title=html.escape(title), messages=messages)


def _message(message: Message, by_id: dict[int, Message]) -> str:
    if message.service:
        return f'<div class="service">{html.escape(" ".join(message.content))}</div>'
    bubble = _reply(message, by_id) + _media(message) + _words(message)
    rows = "".join(_row(row) for row in message.rows)
    side = "bot" if message.from_bot else "person"
    return f'<div class="message {side}"><div class="bubble">{bubble}</div>{rows}</div>'


def _reply(message: Message, by_id: dict[int, Message]) -> str:
    if message.reply_to is None:
        return ""
    quoted = by_id.get(message.reply_to)
    return f'<div class="reply">{html.escape(quoted.words[:40]) if quoted else "…"}</div>'


def _media(message: Message) -> str:
    if message.picture:
        blurred = ' class="blurred"' if message.spoiler else ""
        kind = "jpeg" if message.picture.startswith(b"\xff\xd8") else "png"
        data = base64.b64encode(message.picture).decode()
        return f'<div class="picture"><img{blurred} alt="" src="data:image/{kind};base64,{data}"></div>'
    if message.file:
        return f"<p>📎 {html.escape(message.file.name)}</p>"
    return (
        f"<p>{html.escape(message.content['sticker']['emoji'])}</p>" if "sticker" in message.content else ""
    )


def _words(message: Message) -> str:
    marks = chain(message.content.get("entities", []), message.content.get("caption_entities", []))
    # Commands need no mark of their own, and aiogram would leave them as they are anyway.
    entities = [MessageEntity(**mark) for mark in marks if mark["type"] != "bot_command"]
    words = html_decoration.unparse(message.words, entities) if message.words else ""
    return f"<p>{words}</p>" if words else ""


def _row(row: list[Json]) -> str:
    return '<div class="row">' + "".join(f"<span>{html.escape(one['text'])}</span>" for one in row) + "</div>"
