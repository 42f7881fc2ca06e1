"""The rules of the Bot API for what bots send, as the tests' Telegram keeps them: aiogram's real client asks."""

import json
from typing import Any

import httpx
import pytest
from aiogram.enums import ParseMode
from aiogram.methods import (
    EditMessageCaption,
    EditMessageText,
    GetFile,
    GetMe,
    GetMyCommands,
    SendDice,
    SendDocument,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
)
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReplyParameters,
)

from tests.telegram import Chat, Telegram
from tests.telegram.asked import ANNA, asked, keyboard, png, refused, say, upload, with_bot


def test_a_wrong_token_is_unauthorized(api: Telegram) -> None:
    """Nobody gets in without the token."""
    assert "Unauthorized" in refused(api, GetMe(), token="4242:wrong")


def test_the_bot_knows_itself(api: Telegram) -> None:
    """`getMe` says who the token belongs to."""
    assert asked(api, GetMe()).username == "prompt2pic_bot"


def test_unknown_methods_are_not_there(api: Telegram) -> None:
    """What aiogram knows but the emulator does not is refused in plain words, never half done."""
    assert "the emulator does not know sendDice" in refused(api, SendDice(chat_id=ANNA))


@pytest.mark.parametrize("text", ["", "   ", "\n", "<b> </b>"])
def test_an_empty_text_is_refused(api: Telegram, text: str) -> None:
    """A text has at least one character after parsing and trimming."""
    assert "empty" in refused(api, say(text, parse_mode="HTML"))


def test_a_text_has_4096_characters_after_parsing(api: Telegram, chat: Chat) -> None:
    """Tags do not count; one character more is too long."""
    asked(api, say("<b>" + "я" * 4096 + "</b>", parse_mode="HTML"))
    assert refused(api, say("я" * 4097)).endswith("message is too long")
    sent = chat.answers[0]
    edit = EditMessageText(chat_id=ANNA, message_id=sent.id, text="я" * 4097)
    assert "MESSAGE_TOO_LONG" in refused(api, edit)


def test_html_becomes_entities(api: Telegram, chat: Chat) -> None:
    """Offsets count UTF-16 code units, and entities of HTML are characters again."""
    asked(api, say('🙂 <b>1 &lt; 2</b> <a href="https://example.org/?a=1&amp;b=2">x</a>', parse_mode="HTML"))
    bold, link = chat.answers[0].content["entities"]
    assert chat.answers[0].text == "🙂 1 < 2 x"
    assert bold == {"type": "bold", "offset": 3, "length": 5}
    assert link == {"type": "text_link", "offset": 9, "length": 1, "url": "https://example.org/?a=1&b=2"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a < b", "unclosed start tag at byte offset 2"),
        ("я <div>", 'unsupported start tag "div" at byte offset 3'),
        ("<b>", "can't find end tag"),
        ("</b>", "unexpected end tag"),
        ("<b><i></b></i>", "unmatched end tag"),
    ],
)
def test_broken_html_is_refused(api: Telegram, text: str, why: str) -> None:
    """A prompt that nobody escaped is an error, and it says where."""
    message = refused(api, say(text, parse_mode=ParseMode.HTML))
    assert "can't parse entities" in message
    assert why in message


def test_a_caption_has_1024_characters(api: Telegram) -> None:
    """As many, but not one more, whether sent or edited."""
    sent = asked(api, SendPhoto(chat_id=ANNA, photo=upload(png()), caption="я" * 1024))
    photo = sent.photo[-1].file_id
    assert "caption is too long" in refused(api, SendPhoto(chat_id=ANNA, photo=photo, caption="я" * 1025))
    edit = EditMessageCaption(chat_id=ANNA, message_id=sent.message_id, caption="я" * 1025)
    assert "CAPTION_TOO_LONG" in refused(api, edit)


@pytest.mark.parametrize(("data", "fine"), [("x" * 64, True), ("я" * 32, True), ("я" * 33, False)])
def test_what_a_button_sends_has_64_bytes(api: Telegram, data: str, fine: bool) -> None:
    """Bytes, not characters."""
    method = say(reply_markup=keyboard(Again=data))
    if fine:
        asked(api, method)
    else:
        assert "BUTTON_DATA_INVALID" in refused(api, method)


@pytest.mark.parametrize(
    ("url", "fine"), [("https://example.org/1", True), ("http://localhost:8000/1", False)]
)
def test_a_link_of_a_button_has_a_real_host(api: Telegram, url: str, fine: bool) -> None:
    """Telegram refuses hosts without a dot, and the whole message with them."""
    row = [InlineKeyboardButton(text="Открыть", url=url)]
    method = say(reply_markup=InlineKeyboardMarkup(inline_keyboard=[row]))
    if fine:
        asked(api, method)
    else:
        assert "Wrong HTTP URL" in refused(api, method)


def test_a_photo_is_what_was_uploaded(api: Telegram, chat: Chat) -> None:
    """It comes in sizes, can be downloaded, and its id can be sent again as a photo only."""
    sent = asked(api, SendPhoto(chat_id=ANNA, photo=upload(png(200, 100)), has_spoiler=True))
    photo = sent.photo[-1]
    assert [(size.width, size.height) for size in sent.photo] == [(90, 45), (200, 100)]
    assert chat.answers[0].spoiler
    assert chat.answers[0].picture == png(200, 100)
    asked(api, SendPhoto(chat_id=ANNA, photo=photo.file_id))
    assert chat.answers[1].picture == png(200, 100)
    assert "can't use file of type Photo" in refused(api, SendDocument(chat_id=ANNA, document=photo.file_id))

    async def download(bot: Any) -> bytes:
        return bytes((await bot.download(photo.file_id)).read())

    assert with_bot(api, download) == png(200, 100)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no picture", "IMAGE_PROCESS_FAILED"),
        (png(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
        (png(210, 10), "PHOTO_INVALID_DIMENSIONS"),
        (png() + bytes(10 * 1024 * 1024), "too big for a photo"),
    ],
    ids=["no-picture", "too-large", "too-narrow", "too-heavy"],
)
def test_photos_have_limits(api: Telegram, data: bytes, why: str) -> None:
    """10 MB, 10,000 pixels for both sides together, 20 to 1."""
    assert why in refused(api, SendPhoto(chat_id=ANNA, photo=upload(data)))


def test_documents_have_limits(api: Telegram, chat: Chat) -> None:
    """Up to 50 MB go out, but only up to 20 MB can be fetched back."""
    heavy = upload(bytes(21 * 1024 * 1024), "heavy.bin")
    sent = asked(api, SendDocument(chat_id=ANNA, document=heavy))
    assert "file is too big" in refused(api, GetFile(file_id=sent.document.file_id))
    assert "Request Entity Too Large" in refused(
        api, SendDocument(chat_id=ANNA, document=upload(bytes(51 * 1024 * 1024), "huge.bin"))
    )


def test_a_wrong_file_id_is_refused(api: Telegram) -> None:
    """Only ids that Telegram gave are files."""
    assert "wrong file identifier" in refused(api, SendPhoto(chat_id=ANNA, photo="AgAC"))


def photos(count: int) -> list[Any]:
    return [InputMediaPhoto(media=upload(png(color=color))) for color in ("red", "green") * 6][:count]


@pytest.mark.parametrize("count", [1, 11])
def test_an_album_has_two_to_ten(api: Telegram, count: int) -> None:
    """One picture is no album."""
    assert "2-10" in refused(api, SendMediaGroup(chat_id=ANNA, media=photos(count)))


def test_an_album_answers_a_message(api: Telegram, chat: Chat) -> None:
    """Its messages stand one after the other under one album id and answer the same message."""
    first = asked(api, say())
    sent = asked(
        api,
        SendMediaGroup(
            chat_id=ANNA, media=photos(10), reply_parameters=ReplyParameters(message_id=first.message_id)
        ),
    )
    assert len({message.media_group_id for message in sent}) == 1
    assert [one.message_id for one in sent] == [one.id for one in chat.answers[1:]]
    assert {one.reply_to for one in chat.answers[1:]} == {first.message_id}


def test_albums_do_not_mix_documents_and_photos(api: Telegram) -> None:
    """Documents go with documents only."""
    media = [*photos(1), InputMediaDocument(media=upload(b"x", "x.txt"))]
    assert "in the album" in refused(api, SendMediaGroup(chat_id=ANNA, media=media))


def test_arguments_come_in_any_form(api: Telegram, chat: Chat) -> None:
    """A query string, JSON, a form, and a file in the parameter itself: the Bot API takes all of them."""
    keys = {"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]}
    url, whom = f"{api.url}/bot{api.token}", {"chat_id": ANNA}
    httpx.get(f"{url}/sendMessage", params=whom | {"text": "123"})
    httpx.post(f"{url}/SENDMESSAGE", json=whom | {"text": "[1]", "reply_markup": keys})
    httpx.post(f"{url}/sendMessage", data=whom | {"text": "true", "reply_markup": json.dumps(keys)})
    httpx.post(f"{url}/sendPhoto", data=whom, files={"photo": png()})
    assert [one.text for one in chat.answers] == ["123", "[1]", "true", None]
    assert [one.buttons for one in chat.answers] == [[], [["a"]], [["a"]], []]
    assert chat.answers[-1].picture == png()
    assert httpx.post(f"{url}/makeCoffee").json() == {
        "ok": False,
        "error_code": 404,
        "description": "Not Found: method not found",
    }


def test_missing_arguments_are_named(api: Telegram) -> None:
    """The real client leaves out what is empty, and the server says what it lacks."""
    assert "chat_id is empty" in refused(api, SendMessage(chat_id="", text="x"))
    assert asked(api, GetMyCommands()) == []
