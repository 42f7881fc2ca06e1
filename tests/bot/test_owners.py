"""What owners decide, and what people may set, look at and have forgotten."""

from pathlib import Path

import pytest

from tests.bot.conftest import ADMIN
from tests.bot.service import BotService, bot_service
from tests.bot.test_dialog import picture_of
from tests.telegram import Person, Telegram

ALLOWED = -1002000000003


@pytest.fixture
def admin(api: Telegram) -> Person:
    """The one who may do everything."""
    return api.people.get(ADMIN) or api.person(ADMIN)


def last(person: Person, part: str) -> str:
    """Return the words of an answer once it is there."""
    return person.private().wait_for_answer(part, 30).words


def test_ban_and_unban(api: Telegram, admin: Person) -> None:
    """A banned person is told so and gets nothing, until it is undone."""
    anna = api.person()
    admin.says(f"/ban {anna.id}")
    last(admin, "больше не принимаются")
    anna.says("кот")
    assert "закрыл вам доступ" in last(anna, "доступ")
    admin.says(f"/unban {anna.id}")
    last(admin, "снова принимаются")
    anna.says("кот")
    assert picture_of(anna.private())


def test_stats_and_drain_are_for_admins(api: Telegram, admin: Person) -> None:
    """Others are told that there is no such command; while draining nothing new is taken."""
    anna = api.person()
    anna.says("/stats")
    assert "/help" in last(anna, "Такой команды нет")
    admin.says("/stats")
    assert "воркеров: 1" in last(admin, "Ждут")
    admin.says("/drain")
    last(admin, "Приём остановлен")
    anna.says("кот")
    anna.private().wait_for(lambda messages: [m for m in messages if m.from_bot][1:], 30)
    admin.says("/drain off")
    last(admin, "Приём снова открыт")
    anna.says("пёс")
    assert picture_of(anna.private()).words.startswith("пёс")


def test_settings_are_kept_and_used(api: Telegram) -> None:
    """Level, size, language and negative prompt by buttons and one question; they hold until said otherwise."""
    anna = api.person()
    chat = anna.private()
    anna.says("/settings")
    keyboard = chat.wait_for_answer("Это действует", 30)
    for button in ("быстрое качество", "768×512", "English"):
        assert anna.presses(keyboard, button).wait().text in ("Запомнил", "Saved")
    keyboard = chat.wait_for(lambda messages: [m for m in messages if "✓ English" in str(m.buttons)], 30)[0]
    assert "✓ fast quality" in str(keyboard.buttons)
    anna.presses(keyboard, "What must not be in pictures").wait()
    anna.replies(chat.wait_for_answer("Reply to this message", 30), "blur, text")
    chat.wait_for(lambda messages: [m for m in messages if "blur, text" in m.words and m.buttons], 30)
    anna.says("кот")
    assert "768×512 · fast quality" in picture_of(chat).words
    anna.says("кот --level balanced --size 512x512")
    assert "512×512 · balanced quality" in picture_of(chat, 2).words


def test_history_queue_and_cancel_without_jobs(api: Telegram) -> None:
    """Whoever has asked for nothing is told so; then the last pictures come as one album."""
    anna = api.person()
    chat = anna.private()
    for command, part in (
        ("/history", "пока нет"),
        ("/queue", "Ваших запросов"),
        ("/cancel", "Отменять нечего"),
    ):
        anna.says(command)
        last(anna, part)
    for number in (1, 2):
        anna.says(f"кот {number}")
        picture_of(chat, number)
    anna.says("/history")
    album = chat.wait_for(
        lambda messages: [m for m in messages if m.picture and not m.buttons][1:] and messages, 30
    )
    assert [m.words for m in album if m.picture and not m.buttons] == ["кот 2", "кот 1"]


def test_forget(api: Telegram) -> None:
    """Descriptions and pictures are deleted, and the buttons of old messages say so."""
    anna = api.person()
    anna.says("кот")
    picture = picture_of(anna.private())
    anna.says("/forget")
    assert "Забыт 1 запрос" in last(anna, "Забыт")
    assert "не помню" in anna.presses(picture, "Ещё одну").wait().text


def test_spoiler(api: Telegram) -> None:
    """What not everybody wants to see is blurred until it is tapped."""
    anna = api.person()
    anna.says("зомби, кровь")
    assert picture_of(anna.private()).spoiler


def test_quota_queue_and_choice_of_what_to_cancel(own_service: BotService) -> None:
    """Three may wait; /queue and /cancel show them with a button each."""
    anna = own_service.api.person()
    chat = anna.private()
    for number in range(5):
        anna.says(f"кот {number}")
    assert "3 ваших запроса" in last(anna, "В очереди уже")
    anna.says("/queue")
    shown = chat.wait_for(lambda messages: [m for m in messages if "рисуется 1" in m.words], 30)[0]
    assert ["Отменить: кот 3"] in shown.buttons
    anna.says("/cancel")
    which = chat.wait_for_answer("Какой из запросов", 30)
    anna.presses(which, "Отменить: кот 3").wait()
    chat.wait_for(lambda messages: [m for m in messages if m.words == "Отменено"], 30)


def test_an_allow_list(tmp_path: Path) -> None:
    """Others learn their number, to be told to the owner; in a group that is allowed everybody may."""
    with bot_service(tmp_path, painter="stub:0.1", bot_people=1001, bot_groups=ALLOWED) as service:
        api = service.api
        anna, eve = api.person(), api.person()
        eve.says("кот")
        assert "1002" in last(eve, "пускает не всех")
        anna.says("кот")
        assert picture_of(anna.private())
        allowed, other = api.supergroup(), api.supergroup()
        assert allowed.id == ALLOWED
        eve.says("/txt2img кот", other)
        eve.says("/txt2img кот", allowed)
        assert picture_of(allowed)
        assert not other.answers
