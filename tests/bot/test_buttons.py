"""Buttons under the status and under the picture, also after everything was restarted."""

import re

from tests.bot.service import BotService
from tests.bot.test_dialog import picture_of
from tests.telegram import Chat, Message, Person, Telegram


def asked(api: Telegram, text: str = "кот --seed 42") -> tuple[Person, Chat, Message]:
    """Return a new person, their chat, and the picture that they asked for."""
    anna = api.person()
    anna.says(text)
    return anna, anna.private(), picture_of(anna.private())


def facts(message: Message) -> dict[str, str]:
    """Return what a caption says: the prompt, the seed, the level."""
    found = re.match(r"(?P<prompt>.*)\n\nзерно (?P<seed>\d+) · \S+ · (?P<level>\w+) качество", message.words)
    assert found, message.words
    return found.groupdict()


def test_again_takes_a_new_seed(api: Telegram) -> None:
    """The same prompt once more, as a picture of its own."""
    anna, chat, picture = asked(api)
    assert anna.presses(picture, "Ещё одну").wait().text == "Принято"
    again = picture_of(chat, 2)
    assert facts(again)["prompt"] == "кот"
    assert facts(again)["seed"] != "42"


def test_four_variations_of_a_picture(api: Telegram) -> None:
    """Four pictures that have the seed of the first."""
    anna, chat, picture = asked(api)
    anna.presses(picture, "Четыре варианта").wait()
    chat.wait_for(lambda messages: sum(m.picture is not None for m in messages) == 5 or None, 60)
    assert facts(picture_of(chat, 2))["seed"] == "42"


def test_best_keeps_the_seed_and_has_an_allowance(api: Telegram) -> None:
    """The same seed at best quality, so often a day; beyond that the queue decides, and the person is told."""
    anna, chat, picture = asked(api, "кот --seed 42 --level fast")
    for number in (2, 3):
        anna.presses(picture, "Лучшее качество").wait()
        assert facts(picture_of(chat, number)) == {"prompt": "кот", "seed": "42", "level": "лучшее"}
    anna.presses(picture, "Лучшее качество").wait()
    assert "2 раза за 24 часа" in chat.wait_for_answer("Лучшее качество можно", 30).words
    assert facts(picture_of(chat, 4))["seed"] == "42"


def test_the_original_comes_as_a_file(api: Telegram) -> None:
    """A PNG, as a reply to its picture."""
    anna, chat, picture = asked(api)
    anna.presses(picture, "Оригинал").wait()
    file = chat.wait_for(lambda messages: [m for m in messages if m.document], 30)[0]
    assert file.document is not None
    assert file.document.startswith(b"\x89PNG")
    assert file.reply_to == picture.id


def test_only_the_asker_may_press(api: Telegram) -> None:
    """Somebody else in the group is told so, and nothing happens."""
    anna, eve = api.person(), api.person()
    group = api.supergroup()
    anna.says("/txt2img кот", group)
    picture = picture_of(group)
    answer = eve.presses(picture, "Ещё одну").wait()
    assert (answer.text, answer.alert) == ("Эти кнопки — для того, кто просил картинку.", True)
    assert len([message for message in group.messages if message.from_bot]) == 1


def test_a_button_of_long_ago_says_so(api: Telegram) -> None:
    """Of a request that nobody remembers the person is told kindly what to do."""
    anna, _, picture = asked(api)
    press = api.press(anna, picture, "a:11111111-2222-3333-4444-555555555555")
    assert "пришлите описание ещё раз" in press.wait().text
    assert "пришлите описание ещё раз" in api.press(anna, picture, "nonsense").wait().text


def test_cancel(own_service: BotService) -> None:
    """What waits and what is being painted is cancelled for its asker, and the next one is painted."""
    api = own_service.api
    anna = api.person()
    chat = anna.private()
    for number in range(3):
        anna.says(f"кот {number}")
    chat.wait_for(lambda messages: len([m for m in messages if m.buttons]) == 3 or None, 30)
    first, second, third = chat.answers
    api.wait_for(lambda: own_service.call("GET", "/v1/queue").json()["painting"], 30)
    for message in (second, first):
        assert anna.presses(message, "Отменить").wait().text == "Отменено"
    chat.wait_for(
        lambda messages: [m.words for m in messages if m.from_bot][:2] == ["Отменено"] * 2 or None, 30
    )
    assert picture_of(chat).id == third.id
    assert [message.buttons for message in chat.answers[:2]] == [[], []]


def test_buttons_work_after_a_restart_of_everything(own_service: BotService) -> None:
    """Kill all processes: the old picture's buttons still know what they are about."""
    anna, chat, picture = asked(own_service.api)
    own_service.kill_everything()
    own_service.start()
    anna.presses(picture, "Ещё одну").wait(60)
    assert facts(picture_of(chat, 2))["prompt"] == "кот"
