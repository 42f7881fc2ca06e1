"""Rules that several methods share, each beside the clause of the Bot API it comes from."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiogram.types import InlineKeyboardMarkup

from tests.telegram.calls import Call, given
from tests.telegram.chats import Chat
from tests.telegram.files import File
from tests.telegram.formatting import formatted
from tests.telegram.messages import Json, Message
from tests.telegram.refusals import bad_request, forbidden, required

if TYPE_CHECKING:
    from tests.telegram.world import Telegram

_LONGEST_TEXT = 4096  # #sendmessage: 1-4096 characters after entities parsing
_LONGEST_CAPTION = 1024  # #sendphoto: 0-1024 characters after entities parsing
_LONGEST_DATA = 64  # bytes; #inlinekeyboardbutton: callback_data, 1-64 bytes
_GENERAL_TOPIC = 1


def chat_of(telegram: "Telegram", call: Call) -> Chat:
    """Return the chat a call writes to, or refuse with the reason (the server's check_chat_access)."""
    chat = required(call.chat(telegram), bad_request("chat not found"))
    if chat.person is not None:
        _check_private(chat)
    elif chat.migrated_to is not None:  # #responseparameters: migrate_to_chat_id
        raise bad_request(
            "group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to.id
        )
    elif chat.bot == "kicked":
        raise forbidden(f"bot was kicked from the {chat.kind} chat")
    elif chat.bot == "left":
        raise forbidden(f"bot is not a member of the {chat.kind} chat")
    return chat


def _check_private(chat: Chat) -> None:
    assert chat.person is not None
    if chat.person.deactivated:
        raise forbidden("user is deactivated")
    if not chat.started:  # features#what-features-do-bots-have: bots can't start conversations with users
        raise (
            forbidden("bot can't initiate conversation with a user")
            if chat.person.known
            else bad_request("chat not found")
        )
    if chat.bot == "kicked":
        raise forbidden("bot was blocked by the user")


def topic_of(chat: Chat, call: Call) -> int | None:
    """Return the topic a call writes to; a closed one takes messages of administrators only."""
    number = call.given("message_thread_id")
    if number is None:
        return None
    if number == _GENERAL_TOPIC or number not in chat.topics:
        raise bad_request("message thread not found")
    if chat.topics[number].closed and chat.bot != "administrator":
        raise bad_request("TOPIC_CLOSED")
    return int(number)


def reply_of(chat: Chat, call: Call) -> int | None:
    """Return the message that a new one answers (#replyparameters; reply_to_message_id is the old way)."""
    asked = call.given("reply_parameters")
    number = asked.message_id if asked else call.given("reply_to_message_id")
    lenient = (
        given(asked, "allow_sending_without_reply") if asked else call.given("allow_sending_without_reply")
    )
    if number is None or chat.find(number):
        return number
    if lenient:
        return None
    raise bad_request("message to be replied not found")


def text_of(call: Call, too_long: str = "message is too long") -> Json:
    """Return the text of a message."""
    text = call.given("text")
    if not text:
        raise bad_request("message text is empty")
    text, entities = formatted(text, call.given("parse_mode"), _dumped(call.given("entities")))
    if not text:
        raise bad_request("text must be non-empty")
    if len(text) > _LONGEST_TEXT:
        raise bad_request(too_long)
    return {"text": text} | ({"entities": entities} if entities else {})


def caption_of(model: Any, too_long: str = "message caption is too long") -> Json:
    """Return the caption in a method or in an InputMedia."""
    mode, entities = given(model, "parse_mode"), _dumped(given(model, "caption_entities"))
    text, entities = formatted(given(model, "caption") or "", mode, entities)
    if len(text) > _LONGEST_CAPTION:
        raise bad_request(too_long)
    above = {"show_caption_above_media": True} if given(model, "show_caption_above_media") else {}
    return ({"caption": text} | ({"caption_entities": entities} if entities else {}) | above) if text else {}


def markup_of(call: Call, *, inline_only: bool = False) -> Json | None:
    """Return the buttons; messages that are edited can only have inline ones (#editmessagetext)."""
    markup = call.given("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, InlineKeyboardMarkup):
        if inline_only:
            raise bad_request("inline keyboard expected")
        return dict(markup.model_dump(exclude_none=True, mode="json"))
    rows = [[_button(button) for button in row] for row in markup.inline_keyboard if row]
    return {"inline_keyboard": rows} if rows else None


def _button(button: Any) -> Json:
    body: Json = button.model_dump(exclude_none=True, mode="json")
    if not button.text:
        raise bad_request("can't parse inline keyboard button: text must be non-empty")
    if not body.keys() - {"text", "icon_custom_emoji_id", "style"}:
        raise bad_request(
            "can't parse inline keyboard button: text buttons are unallowed in the inline keyboard"
        )
    data = body.get("callback_data")
    if data is not None and not 1 <= len(data.encode()) <= _LONGEST_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    if (url := body.get("url")) and not _is_link(url):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return body


def _is_link(url: str) -> bool:
    """#inlinekeyboardbutton: an HTTP or tg:// URL; its host needs a dot, so that `localhost` is none."""
    parts = urlsplit(url)
    return parts.scheme == "tg" or (parts.scheme in ("http", "https") and "." in (parts.hostname or ""))


def file_of(telegram: "Telegram", call: Call, kind: str, value: Any) -> File:
    """Return an uploaded file or one that is known by its id (#sending-files)."""
    name = str(required(value, bad_request(f"there is no {kind} in the request")))
    if not name.startswith("attach://"):
        return telegram.files.reused(kind, name)
    upload = call.uploads.get(name.removeprefix("attach://"))
    upload = required(upload, bad_request("can't find the attached file"))
    return telegram.files.add(kind, upload.name, upload.data)


def editable(chat: Chat, call: Call) -> Message:
    """Return the message to edit: one of the bot's, without a reply keyboard (#updating-messages)."""
    message = chat.find(call.given("message_id") or 0)
    message = required(message, bad_request("message to edit not found"))
    if not message.from_bot or message.service or (message.markup and not message.rows):
        raise bad_request("message can't be edited")
    return message


def _dumped(entities: Any) -> list[Json]:
    return [one.model_dump(exclude_none=True, mode="json") for one in entities or []]
