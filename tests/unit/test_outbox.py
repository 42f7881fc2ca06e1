"""The outbox: what goes first, what gives way, who waits."""

import asyncio
from collections.abc import Callable

import pytest
from aiogram.exceptions import TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import GetMe

from prompt2pic.bot import outbox as module
from prompt2pic.bot.outbox import CALLS, Errand, Outbox, Urgency
from prompt2pic.ops.metrics import Metrics


def run(offer: Callable[[Outbox, Callable[..., Errand]], None], seconds: float = 0.5) -> list[object]:
    """Return the keys of the errands in the order they were run within so many seconds."""
    done: list[object] = []

    def errand(
        key: str, chat: int | str = 1, urgency: Urgency = Urgency.REPLY, fails: list[Exception] | None = None
    ) -> Errand:
        async def work() -> None:
            done.append(key)
            if fails:
                raise fails.pop()

        return Errand(key, chat, urgency, work)

    async def main() -> None:
        box = Outbox(Metrics())
        offer(box, errand)
        task = asyncio.create_task(box.run())
        await asyncio.sleep(seconds)
        task.cancel()

    asyncio.run(main())
    return done


def test_the_most_urgent_goes_first() -> None:
    """Presses, pictures, replies, ends, first messages, places, progress: whatever came first."""
    kinds = list(Urgency)

    def offer(box: Outbox, errand: Callable[..., Errand]) -> None:
        for chat, urgency in enumerate(reversed(kinds)):
            box.put(errand(urgency.name, chat, urgency))

    assert run(offer) == [urgency.name for urgency in kinds]


def test_the_newest_state_wins() -> None:
    """Of two errands under one key the older one is never run."""

    def offer(box: Outbox, errand: Callable[..., Errand]) -> None:
        first, second = errand("old"), errand("new")
        first.key = second.key = "state"
        box.put(first)
        box.put(second)

    assert run(offer) == ["new"]


def test_what_is_no_longer_wanted_costs_no_call() -> None:
    """An errand that has nothing to tell any more is dropped."""

    def offer(box: Outbox, errand: Callable[..., Errand]) -> None:
        one = errand("unwanted")
        one.wanted = lambda: False
        box.put(one)
        box.put(errand("wanted", 2))

    assert run(offer) == ["wanted"]


def test_places_keep_the_pace_of_their_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two edits a private chat rests, and a group for longer; a picture waits for neither."""
    monkeypatch.setattr(module, "PACE", 0.2)
    monkeypatch.setattr(module, "GROUP_PACE", 30.0)

    def offer(box: Outbox, errand: Callable[..., Errand]) -> None:
        for chat in (1, -1):
            for number in (1, 2):
                box.put(errand(f"place {chat} {number}", chat, Urgency.PLACE))
            box.put(errand(f"picture {chat}", chat, Urgency.PICTURE))

    assert run(offer, 0.6) == ["picture 1", "picture -1", "place 1 1", "place -1 1", "place 1 2"]


def test_a_flood_reply_holds_up_one_chat_and_no_press() -> None:
    """The chat that was told to wait waits; its presses, and other chats, do not. What passes is done again."""
    flood = TelegramRetryAfter(GetMe(), "Too Many Requests", 60)
    cut = TelegramNetworkError(GetMe(), "reset")

    def offer(box: Outbox, errand: Callable[..., Errand]) -> None:
        box.put(errand("flooded", 1, Urgency.PICTURE, [flood]))
        box.put(errand("held up", 1))
        box.put(errand("cut", 2, Urgency.REPLY, [cut]))
        box.put(errand("press", "press 1", Urgency.PRESS))

    assert run(offer, 1.0) == ["press", "flooded", "cut", "cut"]


def test_calls_leave_evenly() -> None:
    """After a few at once there are no more than the allowed number a second."""

    def offer(box: Outbox, errand: Callable[..., Errand]) -> None:
        for chat in range(200):
            box.put(errand(str(chat), chat))

    assert 5 <= len(run(offer, 1.0)) <= CALLS + 7
