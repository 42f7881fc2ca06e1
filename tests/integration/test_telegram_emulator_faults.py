"""The bad days of the tests' Telegram, its limits, and what tests see of it."""

import asyncio
import time

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import EditMessageText, GetMe, SendMediaGroup, SendMessage
from aiogram.types import InputMediaPhoto

from tests.telegram import BadGateway, Broken, Chat, Cut, Flood, Limits, Slow, Telegram
from tests.telegram.asked import ANNA, asked, keyboard, png, refused, say, upload, with_bot
from tests.telegram.faults import Kind
from tests.telegram.render import rendered


@pytest.mark.parametrize(
    ("kind", "error", "effects"),
    [
        (Flood(7), TelegramRetryAfter, 0),
        (Broken(), TelegramServerError, 0),
        (BadGateway(), ClientDecodeError, 0),
        (Cut(), TelegramNetworkError, 0),
        (Cut(after=True), TelegramNetworkError, 1),
    ],
)
def test_a_call_can_fail(api: Telegram, chat: Chat, kind: Kind, error: type[Exception], effects: int) -> None:
    """Once, with or without its effect; the next call is fine."""
    api.breaks(kind, "sendMessage")
    with pytest.raises(error):
        asked(api, say("1"))
    assert len(chat.answers) == effects
    asked(api, say("2"))
    assert chat.answers[-1].text == "2"
    assert [call.fault for call in api.calls_to("sendMessage")] == [kind, None]


def test_a_flood_says_how_long(api: Telegram) -> None:
    """The client knows the seconds to wait."""
    api.breaks(Flood(7))
    with pytest.raises(TelegramRetryAfter) as caught:
        asked(api, GetMe())
    assert caught.value.retry_after == 7


def test_faults_choose_their_calls(api: Telegram, chat: Chat) -> None:
    """By method, by chat, by number, and by chance that a seed repeats."""
    group = api.group()
    api.breaks(Broken(), "sendMessage", group, skip=1, times=2)
    results = [_fine(api, say(chat_id=group.id)) for _ in range(4)]
    assert results == [True, False, False, True]
    assert _fine(api, say())
    fault = api.breaks(Broken(), probability=0.5, times=None, seed=3)
    assert 2 <= sum(_fine(api, GetMe()) for _ in range(12)) <= 10
    fault.stop()
    assert _fine(api, GetMe())


def _fine(api: Telegram, method: object) -> bool:
    try:
        asked(api, method)  # type: ignore[arg-type] - any method will do
    except TelegramServerError:
        return False
    return True


def test_a_slow_answer_has_its_effect_at_once(api: Telegram, chat: Chat) -> None:
    """The message stands there while the bot still waits."""
    api.breaks(Slow(0.5), "sendMessage")

    async def send(bot: Bot) -> float:
        started = time.monotonic()
        sending = asyncio.create_task(bot(say("медленно")))
        await asyncio.to_thread(chat.wait_for_answer, "медленно")
        assert not sending.done()
        await sending
        return time.monotonic() - started

    assert with_bot(api, send) >= 0.5


def test_telegram_can_be_down(api: Telegram) -> None:
    """Every call fails until it comes back; people can go on writing."""
    api.goes_down(Cut())
    with pytest.raises(TelegramNetworkError):
        asked(api, GetMe())
    api.people[ANNA].says("ау")
    api.comes_back()
    asked(api, GetMe())
    assert api.updates.count() == 2


def test_a_chat_has_a_limit(api: Telegram) -> None:
    """A short burst, then one a second; other chats are not held up."""
    boris = api.person(2002)
    boris.says("/start")
    api.limit(Limits(chat_burst=2))
    assert [_waits(api, say()) for _ in range(3)] == [0, 0, 1]
    assert _waits(api, say(chat_id=boris.id)) == 0
    api.advance(1)
    assert _waits(api, say()) == 0
    assert [(one.rule, one.chat_id) for one in api.violations] == [("chat", ANNA)]


def test_a_group_has_twenty_a_minute(api: Telegram) -> None:
    """Each picture of an album counts as one message."""
    group = api.group()
    api.limit(Limits(chat_burst=100))
    album = [InputMediaPhoto(media=upload(png())) for _ in range(10)]
    for _ in range(2):
        asked(api, SendMediaGroup(chat_id=group.id, media=album))
    assert 55 <= _waits(api, say(chat_id=group.id)) <= 60
    api.advance(60)
    assert _waits(api, say(chat_id=group.id)) == 0


def test_all_chats_together_have_a_limit(api: Telegram) -> None:
    """About thirty a second; edits count as well, unless a test says otherwise."""
    api.limit(Limits(overall_per_second=2, chat_burst=100))
    number = asked(api, say()).message_id
    asked(api, EditMessageText(chat_id=ANNA, message_id=number, text="2"))
    assert _waits(api, say()) == 1
    api.limit(Limits(overall_per_second=1, methods=frozenset({"sendMessage"})))
    asked(api, say())
    asked(api, EditMessageText(chat_id=ANNA, message_id=number, text="3"))


def test_limits_can_be_only_watched(api: Telegram) -> None:
    """Then nothing is refused, but every violation is written down."""
    api.limit(Limits(chat_burst=1, enforced=False))
    assert [_waits(api, say()) for _ in range(3)] == [0, 0, 0]
    assert len(api.violations) == 2


def _waits(api: Telegram, method: SendMessage) -> int:
    try:
        asked(api, method)
    except TelegramRetryAfter as flood:
        return flood.retry_after
    return 0


def test_a_chat_can_be_read(api: Telegram, chat: Chat) -> None:
    """The transcript says who said what, with buttons and pictures."""
    asked(api, SendMessage(chat_id=ANNA, text="в <очереди>", reply_markup=keyboard(Отмена="1")))
    api.people[ANNA].sends_photo(png(), "кот")
    api.people[ANNA].replies(chat.answers[0], "жду")
    assert chat.transcript().splitlines() == [
        "Анна: /start",
        "Prompt2Pic: в <очереди>",
        "    [Отмена]",
        "Анна: ‹picture 12x8› кот",
        "Анна: ↩ в <очереди> | жду",
    ]


def test_waiting_in_vain_shows_the_chat(chat: Chat) -> None:
    """The error is the transcript."""
    with pytest.raises(AssertionError, match="Анна: /start"):
        chat.wait_for_answer("нет такого", seconds=0.05)


def test_calls_are_written_down(api: Telegram, chat: Chat) -> None:
    """With their parameters and how they ended."""
    refused(api, SendMessage(chat_id=ANNA, text=""))
    asked(api, say("да"))
    bad, good = api.calls_to("sendMessage")
    assert api.calls_to("sendMessage", chat) == [good]
    assert (bad.code, good.code, good.request.text) == (400, 200, "да")
    assert "sendMessage" in str(good)


def test_a_chat_becomes_a_page(api: Telegram, chat: Chat) -> None:
    """Self-contained: pictures are inside, and what people wrote is escaped."""
    asked(api, SendMessage(chat_id=ANNA, text="a < b", reply_markup=keyboard(Отмена="1")))
    api.people[ANNA].sends_photo(png(), "<кот>")
    page = rendered(chat)
    assert "a &lt; b" in page
    assert "&lt;кот&gt;" in page
    assert "data:image/png;base64," in page
    assert ">Отмена<" in page
    assert "http" not in page
