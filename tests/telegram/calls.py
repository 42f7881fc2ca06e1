"""Calls: what the bot asked for, read with aiogram's own method classes."""

import json
import types
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiogram.methods
from aiogram.client.default import Default
from aiogram.methods import TelegramMethod
from aiohttp import web
from pydantic import ValidationError

from tests.telegram.refusals import Refusal, bad_request

if TYPE_CHECKING:
    from tests.telegram.chats import Chat
    from tests.telegram.world import Telegram

_CLASSES = [getattr(aiogram.methods, name) for name in aiogram.methods.__all__]
# Names of methods are case-insensitive (#making-requests).
METHODS = {
    one.__api_method__.lower(): one
    for one in _CLASSES
    if isinstance(getattr(one, "__api_method__", None), str)
}
# What the server says where these are missing.
_MISSING = {"chat_id": "chat_id is empty", "text": "message text is empty"}


@dataclass(frozen=True)
class Upload:
    """A file that came with a call."""

    name: str
    data: bytes


@dataclass
class Call:
    """One call: what was asked, and how it ended."""

    at: float
    method: str
    request: TelegramMethod[Any] | None  # None where it could not be read
    uploads: dict[str, Upload] = field(repr=False, default_factory=dict)
    code: int = 0  # 200, or an error's; 0 while nothing was answered
    description: str = ""
    fault: object = None  # what was planned for it
    result: Any = field(repr=False, default=None)

    @property
    def chat_id(self) -> int | str | None:
        """Return the chat it speaks of."""
        return getattr(self.request, "chat_id", None)

    def chat(self, telegram: "Telegram") -> "Chat | None":
        """Return that chat."""
        if (person := telegram.people.get(self.chat_id)) is not None:
            return telegram.private(person)
        return telegram.chats.get(self.chat_id)

    def given(self, name: str) -> Any:
        """Return a parameter, or nothing where the bot left it out."""
        return given(self.request, name)

    def __str__(self) -> str:
        options = {"exclude_none": True, "exclude_unset": True, "warnings": False}
        shown = str(self.request.model_dump(**options)) if self.request else "?"
        ended = f"{self.code} {self.description}".strip()
        return f"{self.method}({shown[:200]}) -> {ended}" + (f" ({self.fault})" if self.fault else "")


def given(model: Any, name: str) -> Any:
    """Return a field of a method or of an object in it; aiogram marks what was left out with defaults."""
    value = getattr(model, name, None)
    return None if isinstance(value, Default) else value


async def read(request: web.Request, at: float) -> Call:
    """Return the call in an HTTP request: JSON, a form, several parts, or a query string (#making-requests)."""
    name = request.match_info["method"].lower()
    if name not in METHODS:
        raise Refusal(404, "Not Found: method not found")
    fields, uploads = await _fields(request)
    method = METHODS[name]
    # #sending-files: a file may come in the parameter itself, or in a part of its own that attach:// names.
    fields = {part: f"attach://{part}" for part in uploads if part in method.model_fields} | fields
    return Call(at, method.__api_method__, _validated(method, fields), uploads)


def misread(request: web.Request, at: float, refusal: Refusal) -> Call:
    """Return a call that could not be read, with what it was told."""
    name = request.match_info["method"]
    method = METHODS[name.lower()].__api_method__ if name.lower() in METHODS else name
    return Call(at, method, None, code=refusal.code, description=refusal.description)


async def _fields(request: web.Request) -> tuple[dict[str, Any], dict[str, Upload]]:
    fields: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        return fields | (await request.json() if request.can_read_body else {}), {}
    uploads = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            uploads[name] = Upload(value.filename, value.file.read())
        else:
            fields[name] = value
    return fields, uploads


def _validated(method: type[TelegramMethod[Any]], fields: dict[str, Any]) -> TelegramMethod[Any]:
    values = {name: _value(method, name, value) for name, value in fields.items()}
    try:
        return method.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        raise bad_request(_MISSING.get(name, f"can't parse {name}: {first['msg']}")) from None


def _value(method: type[TelegramMethod[Any]], name: str, value: Any) -> Any:
    """Return a parameter in its type: what is no string travels in forms as JSON."""
    if not isinstance(value, str) or name not in method.model_fields:
        return value
    kinds = _alternatives(method.model_fields[name].annotation)
    if int in kinds and value.lstrip("-").isdigit():
        return int(value)
    if str in kinds:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value.lower() == "true" if bool in kinds else value


def _alternatives(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return set().union(*(_alternatives(one) for one in typing.get_args(annotation)))
    return {annotation}
