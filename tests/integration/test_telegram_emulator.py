"""The rules of the Bot API for messages, as the tests' Telegram keeps them: aiogram's real client asks."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiogram.enums import ParseMode
from aiogram.methods import (
    DeleteMessage,
    EditMessageCaption,
    EditMessageMedia,
    EditMessageReplyMarkup,
    EditMessageText,
    GetChat,
    GetFile,
    GetMe,
    GetMyCommands,
    SendChatAction,
    SendDice,
    SendDocument,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
)
from aiogram.types import (
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReplyParameters,
)

from tests.telegram import Chat, Telegram, telegram
from tests.telegram.asked import asked, keyboard, png, refused, upload, with_bot

ANNA = 1001


@pytest.fixture
def api() -> Iterator[Telegram]:
    with telegram() as running:
        running.person(ANNA).says("/start")
        yield running


@pytest.fixture
def chat(api: Telegram) -> Chat:
    return api.people[ANNA].private()


def say(text: str = "ok", **others: Any) -> SendMessage:
    return SendMessage(chat_id=ANNA, text=text, **others)


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


def test_a_text_can_become_a_picture(api: Telegram, chat: Chat) -> None:
    """`editMessageMedia` replaces a text, and keeps the message's place and number."""
    status = asked(api, say("в очереди", reply_markup=keyboard(Отмена="cancel")))
    media = InputMediaPhoto(media=upload(png()), caption="кот")
    asked(api, EditMessageMedia(chat_id=ANNA, message_id=status.message_id, media=media))
    shown = chat.answers[0]
    assert (shown.id, shown.text, shown.caption) == (status.message_id, None, "кот")
    assert shown.picture == png()
    assert [one.words for one in shown.earlier] == ["в очереди"]
    edit = EditMessageText(chat_id=ANNA, message_id=status.message_id, text="x")
    assert "there is no text in the message to edit" in refused(api, edit)


def test_an_edit_without_buttons_takes_them_away(api: Telegram, chat: Chat) -> None:
    """Buttons that should stay must be sent with every edit."""
    status = asked(api, say("1", reply_markup=keyboard(Отмена="cancel")))
    asked(api, EditMessageText(chat_id=ANNA, message_id=status.message_id, text="2"))
    assert chat.answers[0].buttons == []


def test_an_edit_that_changes_nothing_is_refused(api: Telegram) -> None:
    """Same words and same buttons; white space around them does not count, a new button does."""
    status = asked(api, say("1", reply_markup=keyboard(a="1")))
    where = {"chat_id": ANNA, "message_id": status.message_id}
    same = EditMessageText(**where, text="1 ", reply_markup=keyboard(a="1"))
    assert "message is not modified" in refused(api, same)
    asked(api, EditMessageReplyMarkup(**where, reply_markup=keyboard(a="2")))
    assert "message is not modified" in refused(
        api, EditMessageReplyMarkup(**where, reply_markup=keyboard(a="2"))
    )


def test_the_same_picture_again_is_no_change(api: Telegram) -> None:
    """By its id it is the same; a new upload of the same bytes is a new picture."""
    sent = asked(api, SendPhoto(chat_id=ANNA, photo=upload(png()), caption="кот"))

    def edit(media: Any) -> EditMessageMedia:
        media = InputMediaPhoto(media=media, caption="кот")
        return EditMessageMedia(chat_id=ANNA, message_id=sent.message_id, media=media)

    assert "message is not modified" in refused(api, edit(sent.photo[-1].file_id))
    asked(api, edit(upload(png())))


def test_only_the_bots_own_messages_can_be_edited(api: Telegram, chat: Chat) -> None:
    """Neither a person's, nor one with a reply keyboard, nor one that is gone."""
    forced = asked(api, say(reply_markup=ForceReply()))
    theirs, gone = chat.messages[0].id, 99
    for number, why in (
        (theirs, "can't be edited"),
        (forced.message_id, "can't be edited"),
        (gone, "not found"),
    ):
        assert why in refused(api, EditMessageText(chat_id=ANNA, message_id=number, text="x"))


def test_a_deleted_message_is_gone(api: Telegram, chat: Chat) -> None:
    """It can be deleted once, and not be edited any more."""
    number = asked(api, say()).message_id
    asked(api, DeleteMessage(chat_id=ANNA, message_id=number))
    assert chat.answers == []
    assert "message to delete not found" in refused(api, DeleteMessage(chat_id=ANNA, message_id=number))
    edit = EditMessageText(chat_id=ANNA, message_id=number, text="x")
    assert "message to edit not found" in refused(api, edit)


def test_old_messages_stay(api: Telegram) -> None:
    """After 48 hours nothing can be deleted; edits of the bot's own are still allowed."""
    number = asked(api, say()).message_id
    api.advance(48 * 3600)
    assert "can't be deleted" in refused(api, DeleteMessage(chat_id=ANNA, message_id=number))
    asked(api, EditMessageText(chat_id=ANNA, message_id=number, text="x"))


def test_an_answer_needs_its_question(api: Telegram, chat: Chat) -> None:
    """A reply to a deleted message is refused, unless the bot allows it to stand alone."""
    assert "message to be replied not found" in refused(
        api, say(reply_parameters=ReplyParameters(message_id=99))
    )
    lenient = ReplyParameters(message_id=99, allow_sending_without_reply=True)
    asked(api, say(reply_parameters=lenient))
    assert chat.answers[0].reply_to is None


def test_bots_do_not_speak_first(api: Telegram) -> None:
    """A person who never wrote is unknown, or known from a group but not to be written to."""
    boris, group = api.person(2002, "Борис", "ru"), api.group()
    assert "chat not found" in refused(api, SendMessage(chat_id=boris.id, text="x"))
    boris.says("/txt2img кот", group)
    assert "can't initiate conversation" in refused(api, SendMessage(chat_id=boris.id, text="x"))


def test_people_can_shut_the_bot_out(api: Telegram, chat: Chat) -> None:
    """Blocked, deactivated: 403 with the reason."""
    number = asked(api, say()).message_id
    chat.blocks_bot()
    assert "bot was blocked by the user" in refused(api, say())
    edit = EditMessageText(chat_id=ANNA, message_id=number, text="x")
    assert "bot was blocked by the user" in refused(api, edit)
    chat.unblocks_bot()
    asked(api, say())
    api.people[ANNA].deactivated = True
    assert "user is deactivated" in refused(api, say())


def test_groups_can_throw_the_bot_out(api: Telegram) -> None:
    """The kind of the group is named."""
    for group, name in ((api.group(), "group chat"), (api.supergroup(), "supergroup chat")):
        group.kicks_bot()
        assert f"bot was kicked from the {name}" in refused(api, SendMessage(chat_id=group.id, text="x"))


def test_in_groups_others_messages_are_for_administrators(api: Telegram) -> None:
    """A plain member can delete only its own."""
    group = api.group()
    theirs = api.people[ANNA].says("/queue", group)
    delete = DeleteMessage(chat_id=group.id, message_id=theirs.id)
    assert "can't be deleted" in refused(api, delete)
    group.adds_bot(admin=True)
    asked(api, delete)


def test_forums_have_topics(api: Telegram) -> None:
    """Open topics take messages, closed ones do not, deleted ones and the number 1 are not found."""
    forum = api.supergroup(forum=True)
    topic = forum.topic("Картинки")

    def write(thread: int) -> SendMessage:
        return SendMessage(chat_id=forum.id, text="x", message_thread_id=thread)

    assert asked(api, write(topic.id)).is_topic_message
    topic.closed = True
    assert "TOPIC_CLOSED" in refused(api, write(topic.id))
    forum.delete_topic(topic)
    assert forum.messages == []
    assert "message thread not found" in refused(api, write(topic.id))
    assert "message thread not found" in refused(api, write(1))


def test_message_numbers_repeat_in_supergroups(api: Telegram) -> None:
    """A supergroup counts for itself; private chats and groups share one count."""
    group, supergroup = api.group(), api.supergroup()
    numbers = [asked(api, SendMessage(chat_id=one, text="x")).message_id for one in (ANNA, group.id)]
    assert numbers[1] == numbers[0] + 1
    assert asked(api, SendMessage(chat_id=supergroup.id, text="x")).message_id == 2


def test_a_chat_shows_what_the_bot_is_doing(api: Telegram, chat: Chat) -> None:
    """The action is noted; unknown chats are refused."""
    asked(api, SendChatAction(chat_id=ANNA, action="upload_photo"))
    assert [action for _, action in chat.actions] == ["upload_photo"]
    assert "chat not found" in refused(api, GetChat(chat_id=5))


def test_missing_arguments_are_named(api: Telegram) -> None:
    """The real client leaves out what is empty, and the server says what it lacks."""
    assert "chat_id is empty" in refused(api, SendMessage(chat_id="", text="x"))
    assert asked(api, GetMyCommands()) == []
