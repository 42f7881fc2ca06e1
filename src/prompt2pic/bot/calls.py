"""The calls of the Bot API that the bot makes, and what their refusals mean.

Which refusal means what is told by its words, as the Bot API has no codes for them; they stand in the source of
telegram-bot-api and td (tdlib).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    ForceReply,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from aiogram.utils.token import TokenValidationError

from prompt2pic.bot.addresses import Address
from prompt2pic.core.errors import Problem

T = TypeVar("T")

# What a call raises that came to nothing; a body that is no JSON is no TelegramAPIError.
FAILED = (TelegramAPIError, ClientDecodeError)
WRONG_TOKEN = (TelegramUnauthorizedError, TelegramNotFound)  # the latter for what does not even look like one
_UNCHANGED = "message is not modified"
_NO_TEXT = "there is no text in the message to edit"
_MISSING = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message identifier",
)
_NO_THREAD = ("message thread not found", "topic_closed", "topic_deleted", "topic closed", "topic deleted")
_GONE = (
    "chat not found",
    "user is deactivated",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_send_photos_forbidden",
    "peer_id_invalid",
    "group is deactivated",
)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

_log = structlog.get_logger(__name__)


class MessageMissing(Exception):  # noqa: N818 - an answer among others, not an error of ours
    """The message that was to be edited is there no more."""


class ChatGone(Exception):  # noqa: N818 - an answer among others, not an error of ours
    """The chat can not be written to any more: blocked, removed, deleted."""


def client(token: str, address: str) -> Bot:
    """Return the client of a bot; `address` is that of a Bot API server. Raises Problem for what is no token."""
    try:
        return Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(address)))
    except TokenValidationError:
        raise Problem("bot-token-wrong") from None


class Picture(BufferedInputFile):
    """A picture to be uploaded."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data, filename=name)


class Calls:
    """Speaks to chats. Raises MessageMissing, ChatGone, and what aiogram raises of everything else.

    A group that has become a supergroup is followed: its messages did not come along.
    """

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._moved: dict[int, int] = {}

    async def say(
        self, to: Address, words: str, buttons: InlineKeyboardMarkup | ForceReply | None = None
    ) -> int:
        """Send words and return the message's id; in groups they reply to the message that is answered."""

        async def send(chat: int, thread: int | None) -> Message:
            return await self._bot.send_message(
                chat,
                words,
                message_thread_id=thread,
                reply_parameters=_reply(to.message if to.group else None),
                reply_markup=buttons,
                link_preview_options=_NO_PREVIEW,
            )

        return (await self._sent(to, send)).message_id

    async def notify(self, to: Address, message: int, words: str) -> int:
        """Reply to one of our own messages, so that the person hears of it."""

        async def send(chat: int, thread: int | None) -> Message:
            return await self._bot.send_message(
                chat, words, message_thread_id=thread, reply_parameters=_reply(message)
            )

        return (await self._sent(to, send)).message_id

    async def change(
        self,
        to: Address,
        message: int,
        words: str,
        buttons: InlineKeyboardMarkup | None,
        *,
        pictured: bool = False,
    ) -> None:
        """Put words, and buttons or none, in place of a message's; one that is `pictured` keeps its picture."""

        async def caption(chat: int) -> None:
            await self._bot.edit_message_caption(
                chat_id=chat, message_id=message, caption=words, reply_markup=buttons
            )

        async def edit(chat: int) -> None:
            try:
                await self._bot.edit_message_text(
                    words,
                    chat_id=chat,
                    message_id=message,
                    reply_markup=buttons,
                    link_preview_options=_NO_PREVIEW,
                )
            except TelegramBadRequest as refused:
                if _NO_TEXT not in refused.message:
                    raise
                await caption(chat)

        await self._edited(to, caption if pictured else edit)

    async def show(
        self,
        to: Address,
        message: int,
        picture: BufferedInputFile,
        caption: str,
        buttons: InlineKeyboardMarkup | None,
        *,
        spoiler: bool = False,
    ) -> None:
        """Put a picture in place of a message (Bot API, editMessageMedia: a text may become a photo)."""
        media = InputMediaPhoto(media=picture, caption=caption, has_spoiler=spoiler)

        async def edit(chat: int) -> None:
            await self._bot.edit_message_media(media, chat_id=chat, message_id=message, reply_markup=buttons)

        await self._edited(to, edit)

    async def album(
        self,
        to: Address,
        reply_to: int | None,
        files: Sequence[BufferedInputFile],
        captions: Sequence[str],
        *,
        spoiler: bool = False,
        documents: bool = False,
    ) -> tuple[int, ...]:
        """Send one file, or several as an album (sendMediaGroup takes 2 to 10); return the messages' ids."""
        if len(files) == 1:
            return (await self._one(to, reply_to, files[0], captions[0], spoiler, documents),)
        pairs = list(zip(files, captions, strict=True))
        media: list[InputMediaPhoto | InputMediaDocument] = [
            InputMediaDocument(media=file, caption=caption)
            if documents
            else InputMediaPhoto(media=file, caption=caption, has_spoiler=spoiler)
            for file, caption in pairs
        ]

        async def send(chat: int, thread: int | None) -> list[Message]:
            return await self._bot.send_media_group(
                chat, list(media), message_thread_id=thread, reply_parameters=_reply(reply_to)
            )

        return tuple(message.message_id for message in await self._sent(to, send))

    async def busy(self, to: Address) -> None:
        """Show for five seconds that a picture is on its way (Bot API, sendChatAction)."""

        async def send(chat: int, thread: int | None) -> bool:
            return await self._bot.send_chat_action(chat, "upload_photo", message_thread_id=thread)

        await self._sent(to, send)

    async def _one(
        self,
        to: Address,
        reply_to: int | None,
        file: BufferedInputFile,
        caption: str,
        spoiler: bool,
        document: bool,
    ) -> int:
        async def send(chat: int, thread: int | None) -> Message:
            reply = _reply(reply_to)
            if document:
                return await self._bot.send_document(
                    chat, file, message_thread_id=thread, caption=caption, reply_parameters=reply
                )
            return await self._bot.send_photo(
                chat,
                file,
                message_thread_id=thread,
                caption=caption,
                reply_parameters=reply,
                has_spoiler=spoiler,
            )

        return (await self._sent(to, send)).message_id

    async def _sent(self, to: Address, send: Callable[[int, int | None], Awaitable[T]]) -> T:
        """Send into the chat's topic, or into the chat where that is closed or gone."""
        try:
            return await self._followed(to.chat, lambda chat: send(chat, to.thread))
        except TelegramBadRequest as refused:
            if to.thread is None or not _speaks_of(refused, _NO_THREAD):
                raise
            return await self._followed(to.chat, lambda chat: send(chat, None))

    async def _edited(self, to: Address, edit: Callable[[int], Awaitable[None]]) -> None:
        try:
            await self._followed(to.chat, edit)
        except TelegramBadRequest as refused:
            if _UNCHANGED in refused.message:
                return
            if _speaks_of(refused, _MISSING) or _speaks_of(refused, _NO_THREAD):
                raise MessageMissing from None
            raise

    async def _followed(self, chat: int, call: Callable[[int], Awaitable[T]]) -> T:
        """Call for a chat, or for what it has become. Raises ChatGone."""
        try:
            try:
                return await call(self._moved.get(chat, chat))
            except TelegramMigrateToChat as moved:
                _log.info("chat-moved")
                self._moved[chat] = moved.migrate_to_chat_id
                return await call(moved.migrate_to_chat_id)
        except TelegramForbiddenError:
            raise ChatGone from None
        except TelegramBadRequest as refused:
            if _speaks_of(refused, _GONE):
                raise ChatGone from None
            raise


def _reply(message: int | None) -> ReplyParameters | None:
    return ReplyParameters(message_id=message, allow_sending_without_reply=True) if message else None


def _speaks_of(refused: TelegramBadRequest, words: Sequence[str]) -> bool:
    told = refused.message.lower()
    return any(word in told for word in words)
