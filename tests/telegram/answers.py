"""Which function answers which method."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from aiogram.methods import TelegramMethod

from tests.telegram.calls import Call
from tests.telegram.refusals import bad_request

if TYPE_CHECKING:
    from tests.telegram.world import Telegram

Answerer = Callable[["Telegram", Call], Any]
A = TypeVar("A", bound=Answerer)
_ANSWERERS: dict[type, Answerer] = {}


def answers(*methods: type[TelegramMethod[Any]]) -> Callable[[A], A]:
    """Mark the function that answers these methods."""

    def marked(function: A) -> A:
        _ANSWERERS.update(dict.fromkeys(methods, function))
        return function

    return marked


def answer(telegram: "Telegram", call: Call) -> Any:
    """Return the result of a call, or refuse it."""
    if (function := _ANSWERERS.get(type(call.request))) is None:
        raise bad_request(f"the emulator does not know {call.method}")
    return function(telegram, call)
