"""Methods that send, edit and delete."""

from typing import TYPE_CHECKING, Any

from aiogram import methods

from tests.telegram.answers import answers
from tests.telegram.calls import Call, given
from tests.telegram.chats import Chat
from tests.telegram.files import File
from tests.telegram.messages import Json, Message
from tests.telegram.refusals import bad_request, required
from tests.telegram.rules import (
    caption_of,
    chat_of,
    editable,
    file_of,
    markup_of,
    reply_of,
    text_of,
    topic_of,
)

if TYPE_CHECKING:
    from tests.telegram.world import Telegram

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
_TWO_DAYS = 48 * 3600  # seconds; #deletemessage


@answers(methods.SendMessage)
def _send_message(telegram: "Telegram", call: Call) -> Json:
    content = text_of(call)
    return _send(telegram, call, content)


@answers(methods.SendPhoto)
def _send_photo(telegram: "Telegram", call: Call) -> Json:
    file = file_of(telegram, call, "photo", call.given("photo"))
    return _send(telegram, call, _media(file, call.request), file=file)


@answers(methods.SendDocument)
def _send_document(telegram: "Telegram", call: Call) -> Json:
    file = file_of(telegram, call, "document", call.given("document"))
    return _send(telegram, call, _media(file, call.request), file=file)


@answers(methods.SendMediaGroup)
def _send_media_group(telegram: "Telegram", call: Call) -> list[Json]:
    media = call.given("media")
    if not 2 <= len(media) <= 10:  # #sendmediagroup: must include 2-10 items
        raise bad_request("there must be 2-10 items in an album")
    if (
        len({one.type for one in media}) > 1
    ):  # "documents ... can be only grouped with messages of the same type"
        raise bad_request("Can't use the media of the specified type in the album")
    chat, files = chat_of(telegram, call), [_media_file(telegram, call, one) for one in media]
    where = {"reply_to": reply_of(chat, call), "topic": topic_of(chat, call)}
    contents = [_media(file, one) for file, one in zip(files, media, strict=True)]
    album = str(telegram.message_id(chat)) + "00"
    sent = [
        chat.post(telegram.bot_user, content, file=file, album=album, **where)
        for file, content in zip(files, contents, strict=True)
    ]
    return [telegram.as_json(message) for message in sent]


@answers(methods.EditMessageText)
def _edit_text(telegram: "Telegram", call: Call) -> Json:
    content = text_of(call, too_long="MESSAGE_TOO_LONG")
    chat, message = _to_edit(telegram, call)
    if message.text is None:
        raise bad_request("there is no text in the message to edit")
    return _edit(telegram, chat, message, call, content=content)


@answers(methods.EditMessageCaption)
def _edit_caption(telegram: "Telegram", call: Call) -> Json:
    caption = caption_of(call.request, too_long="MEDIA_CAPTION_TOO_LONG")
    chat, message = _to_edit(telegram, call)
    if message.file is None:
        raise bad_request("there is no caption in the message to edit")
    kept = {name: value for name, value in message.content.items() if "caption" not in name}
    return _edit(telegram, chat, message, call, content=kept | caption)


@answers(methods.EditMessageMedia)
def _edit_media(telegram: "Telegram", call: Call) -> Json:
    """#editmessagemedia: edit media, "or ... replace a text or a rich message with a media"."""
    chat, message = _to_edit(telegram, call)
    media = call.given("media")
    if (
        message.album and message.file and message.file.kind != media.type
    ):  # "If a message is part of an album..."
        raise bad_request("can't change media type in the album")
    file = _media_file(telegram, call, media)
    return _edit(telegram, chat, message, call, content=_media(file, media), file=file)


@answers(methods.EditMessageReplyMarkup)
def _edit_markup(telegram: "Telegram", call: Call) -> Json:
    chat, message = _to_edit(telegram, call)
    return _edit(telegram, chat, message, call, content=message.content)


@answers(methods.DeleteMessage)
def _delete_message(telegram: "Telegram", call: Call) -> bool:
    """#deletemessage: any in private, its own in groups, as an administrator any; none after 48 hours."""
    chat = chat_of(telegram, call)
    message = required(chat.find(call.given("message_id")), bad_request("message to delete not found"))
    allowed = message.from_bot or chat.kind == "private" or chat.bot == "administrator"
    if not allowed or telegram.now() - message.date >= _TWO_DAYS:
        raise bad_request("message can't be deleted")
    chat.deletes(message)
    return True


@answers(methods.SendChatAction)
def _send_chat_action(telegram: "Telegram", call: Call) -> bool:
    chat = chat_of(telegram, call)
    topic_of(chat, call)
    chat.actions.append((telegram.now(), str(given(call.request, "action"))))
    return True


def _send(telegram: "Telegram", call: Call, content: Json, file: File | None = None) -> Json:
    chat = chat_of(telegram, call)
    where = {"reply_to": reply_of(chat, call), "topic": topic_of(chat, call), "markup": markup_of(call)}
    return telegram.as_json(chat.post(telegram.bot_user, content, file=file, **where))


def _to_edit(telegram: "Telegram", call: Call) -> tuple[Chat, Message]:
    chat = chat_of(telegram, call)
    return chat, editable(chat, call)


def _edit(telegram: "Telegram", chat: Chat, message: Message, call: Call, **changes: Any) -> Json:
    """Edit, unless nothing would change; an edit without `reply_markup` takes the buttons away."""
    markup = markup_of(call, inline_only=True)
    if changes["content"] == message.content and markup == message.markup:
        raise bad_request(_NOT_MODIFIED)
    edited = message.becomes(int(telegram.now()), markup=markup, **changes)
    chat.replace(edited)
    return telegram.as_json(edited)


def _media_file(telegram: "Telegram", call: Call, media: Any) -> File:
    if media.type not in ("photo", "document"):
        raise bad_request(f"the emulator knows photos and documents, not {media.type}")
    return file_of(telegram, call, media.type, media.media)


def _media(file: File, described: Any) -> Json:
    spoiler = {"has_media_spoiler": True} if file.kind == "photo" and given(described, "has_spoiler") else {}
    return {file.kind: file.as_json()} | spoiler | caption_of(described)
