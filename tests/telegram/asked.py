"""A bot of one call, for tests of Telegram itself: what it answers to aiogram's real client."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.types import BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup
from PIL import Image

from tests.telegram import Telegram

T = TypeVar("T")

ANNA = 1001  # the person in the tests of Telegram itself


class _Session(AiohttpSession):
    """aiogram's, but it does not wait 250 ms for TLS to close: there is none here."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def with_bot(api: Telegram, use: Callable[[Bot], Awaitable[T]], token: str | None = None) -> T:
    """Return what comes of a bot's visit."""

    async def visit() -> T:
        session = _Session(api=TelegramAPIServer.from_base(api.url))
        async with Bot(token or api.token, session=session) as bot:
            return await use(bot)

    return asyncio.run(visit())


def asked(api: Telegram, method: TelegramMethod[T]) -> Any:
    """Return the answer to one call."""
    return with_bot(api, lambda bot: bot(method))


def refused(api: Telegram, method: TelegramMethod[T], **options: Any) -> str:
    """Return the words in which one call is refused."""
    with pytest.raises(TelegramAPIError) as caught:
        with_bot(api, lambda bot: bot(method), **options)
    return caught.value.message


def png(width: int = 12, height: int = 8, color: str = "teal") -> bytes:
    """Return a picture."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


def upload(data: bytes, name: str = "cat.png") -> BufferedInputFile:
    """Return a file to send."""
    return BufferedInputFile(data, name)


def say(text: str = "ok", chat_id: int = ANNA, **others: Any) -> SendMessage:
    """Return a message of the bot's."""
    return SendMessage(chat_id=chat_id, text=text, **others)


def keyboard(**buttons: str) -> InlineKeyboardMarkup:
    """Return one row of buttons: the text, and what a press of it sends."""
    row = [InlineKeyboardButton(text=text, callback_data=data) for text, data in buttons.items()]
    return InlineKeyboardMarkup(inline_keyboard=[row])
