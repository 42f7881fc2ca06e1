"""The chat that the product was born from, and what grew on it."""

import re

import pytest

from tests.telegram import Chat, Message, Telegram
from tests.telegram.asked import png

RUSSIAN = [
    ("/start", "Привет Анна!  Бот активирован"),
    (
        "/help",
        "Привет Анна!  Этот бот создаст для тебя картинку по твоему описанию. "
        "Для этого воспользуйся командой /txt2img.",
    ),
    ("/txt2img", "Введите описание изображения"),
]
ENGLISH = [
    ("/start", "Hello Anna!  The bot is active"),
    (
        "/help",
        "Hello Anna!  This bot makes a picture from your description. To get one, use the command /txt2img.",
    ),
    ("/txt2img", "Enter a description of the picture"),
]


def picture_of(chat: Chat, number: int = 1) -> Message:
    """Return the chat's n-th picture with buttons once it is there."""
    return chat.wait_for(
        lambda messages: [m for m in messages if m.picture and m.buttons][number - 1 : number], 60
    )[0]


@pytest.mark.parametrize(
    ("name", "language", "dialog", "processing"),
    [
        ("Анна", "ru", RUSSIAN, "Ваш запрос обрабатывается"),
        ("Anna", "en-GB", ENGLISH, "Your request is being processed"),
        ("Anna", "de", ENGLISH, "Your request is being processed"),
    ],
)
def test_the_chat_it_was_born_from(
    api: Telegram, name: str, language: str, dialog: list[tuple[str, str]], processing: str
) -> None:
    """Word by word, in the person's language; the picture takes the place of the status message."""
    anna = api.person(first_name=name, language_code=language)
    chat = anna.private()
    for said, answered in dialog:
        anna.says(said)
        assert chat.wait_for_answer(answered[:20], 30).words == answered
    anna.says("beautiful art, high resolution, many details")
    status = chat.wait_for_answer(processing, 30)
    picture = picture_of(chat)
    assert picture.id == status.id
    assert [version.words.split("\n")[0] for version in picture.earlier] == [processing] * len(
        picture.earlier
    )
    assert len(chat.answers) == len(dialog) + 1


def test_the_caption_and_the_buttons(api: Telegram) -> None:
    """The prompt, then seed, size, level and seconds; below them what can be done with the picture."""
    anna = api.person()
    anna.says("/txt2img кот & <b>пёс</b> --seed 42 --ar 1:1 --level best")
    picture = picture_of(anna.private())
    assert re.fullmatch(
        r"кот & <b>пёс</b>\n\nзерно 42 · 512×512 · лучшее качество · рисование [\d,]+ с · ожидание [\d,]+ с",
        picture.words,
    )
    assert picture.buttons == [["Ещё одну", "Четыре варианта"], ["Оригинал"]]


@pytest.mark.parametrize("count", [2, 4])
def test_several_pictures(api: Telegram, count: int) -> None:
    """The first takes the place of the status message, with the buttons; the others follow as a reply to it."""
    anna = api.person()
    chat = anna.private()
    anna.says(f"кот --n {count} --seed 5")
    chat.wait_for(lambda messages: sum(m.picture is not None for m in messages) == count or None, 60)
    first, *others = [message for message in chat.messages if message.picture]
    assert first.buttons
    assert [other.words for other in others] == [f"зерно {5 + n}" for n in range(1, count)]
    assert others[0].reply_to == first.id


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("кот --ar 16x9", "--ar 16:9"),
        ("кот --size big", "--size 1024x768"),
        ("кот --n 40", "--n 4"),
        ("кот --level quick", "--level fast|balanced|best"),
        ("кот --sed 4", "--seed"),
        ("кот --no", "--no"),
        ("   \u200b  ", "опишите картинку"),
        ("я" * 1001, "1\u00a0001 символов"),
        ("/nothing", "/help"),
        ("голая девочка", "не рисуют"),
    ],
)
def test_a_wrong_request_gets_a_sentence(api: Telegram, text: str, part: str) -> None:
    """It names what is wrong and shows the right form; nothing is put into the queue."""
    anna = api.person()
    anna.says(text)
    assert part in anna.private().wait_for(lambda messages: [m for m in messages if m.from_bot], 30)[0].words
    assert len(anna.private().answers) == 1


def test_the_longest_prompt_has_its_caption(api: Telegram) -> None:
    """1,000 characters, some of which count twice, are cut where the caption would be over its limit."""
    anna = api.person()
    anna.says("😀" * 400 + "я" * 600)
    caption = picture_of(anna.private()).words
    assert caption.startswith("😀" * 400)
    assert "…\n\nзерно" in caption
    assert len(caption.encode("utf-16-le")) // 2 <= 1024


def test_the_menu_and_the_descriptions(api: Telegram) -> None:
    """Commands are there in each language, admins see theirs, too."""
    anna, admin = api.person(), api.people.get(77) or api.person(77)
    admin.says("/start")
    names = [name for name, _ in anna.commands()]
    assert names == ["txt2img", "queue", "cancel", "history", "settings", "forget", "help", "start"]
    assert dict(anna.commands())["queue"] == "ваши запросы и вся очередь"
    assert dict(api.person(language_code="fr").commands())["queue"] == "your requests and the whole queue"


@pytest.mark.parametrize("kind", ["sticker", "photo", "document"])
def test_what_is_not_text_is_answered(api: Telegram, kind: str) -> None:
    """Stickers, photos with captions, files: the bot says what it needs."""
    anna = api.person()
    send = {
        "sticker": lambda: anna.sends_sticker(),
        "photo": lambda: anna.sends_photo(png(), "кот"),
        "document": lambda: anna.sends_document("a.txt", b"cat"),
    }
    send[kind]()
    assert anna.private().wait_for_answer("Я рисую по словам", 30)
    assert len(anna.private().answers) == 1


def test_edited_and_repeated_messages(api: Telegram) -> None:
    """An edited message asks for nothing new, one that Telegram brings twice only once; forwarded words are words."""
    anna, eve = api.person(), api.person()
    api.updates.twice = True
    message = anna.says("кот")
    api.updates.twice = False
    anna.edits(message, "пёс")
    first = picture_of(anna.private())
    eve.forwards(message)
    assert picture_of(eve.private()).words.startswith("кот")
    assert [m for m in anna.private().messages if m.from_bot] == [first]
