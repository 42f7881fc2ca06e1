"""What a job looks like in a chat, in both languages."""

import msgspec
import pytest

from prompt2pic.bot import showing
from prompt2pic.core.events import Progressed, Token
from prompt2pic.core.forecast import Wait
from prompt2pic.texts import Texts
from tests.unit.samples import finished, held, job, picture, request

RU, EN = Texts("ru"), Texts("en")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0.2, "осталась 1 секунда"),
        (2, "осталось 2 секунды"),
        (5, "осталось 5 секунд"),
        (11, "осталось 11 секунд"),
        (21, "осталась 21 секунда"),
        (104, "осталось 104 секунды"),
    ],
)
def test_seconds_left_have_their_plural(left: float, said: str) -> None:
    """One, few and many, as Russian has them."""
    painted = held()
    painted.progress = Progressed(request="r", at=0, token=Token(0, "a"), fraction=0.5, step=10, steps=20)
    lines = showing.status(painted, None, left, RU).splitlines()
    assert lines == ["Ваш запрос обрабатывается", "▓▓▓▓▓▓░░░░░░ 50 %", f"шаг 10 из 20, {said}"]


@pytest.mark.parametrize(
    ("seconds", "russian", "english"),
    [
        (1, "5 секунд", "5 seconds"),
        (23, "25 секунд", "25 seconds"),
        (58, "1 минуту", "1 minute"),
        (130, "2 минуты", "2 minutes"),
        (21 * 60, "21 минуту", "21 minutes"),
        (3600, "1 час", "1 hour"),
        (5 * 3600, "5 часов", "5 hours"),
    ],
)
def test_a_wait_is_told_as_one_says_it(seconds: float, russian: str, english: str) -> None:
    """Seconds in fives, then minutes, then hours."""
    assert (showing.duration(seconds, RU), showing.duration(seconds, EN)) == (russian, english)


def test_a_place_without_measurements_has_no_time() -> None:
    """No wait is told before there is something to go by."""
    waiting = job()
    assert showing.status(waiting, Wait(1), 0, RU).splitlines()[1] == "Следующий в очереди"
    told = showing.status(waiting, Wait(3, 20.0, 70.0), 0, RU).splitlines()[1]
    assert told == "Место в очереди: 3, картинка примерно через 1 минуту"


def test_a_lowered_level_is_told_with_its_remedy() -> None:
    """The caption says that many waited, and a button asks for the best."""
    done = held(by="w1")
    done.request = request(prompt="кот")
    done.end = msgspec.structs.replace(
        finished(Token(0, "a")), level="fast", lowered=True, pictures=(picture(),)
    )
    assert "Ждало много людей" in showing.caption(done, RU)
    buttons = [b.text for row in showing.under_picture(done, None, RU).inline_keyboard for b in row]
    assert "Лучшее качество" in buttons
    linked = showing.under_picture(done, "https://example.org/p", RU).inline_keyboard[-1]
    assert [(button.text, button.url) for button in linked] == [
        ("Оригинал", None),
        ("Открыть", "https://example.org/p"),
    ]
    assert all(len((b.callback_data or "").encode()) <= 64 for b in linked)
