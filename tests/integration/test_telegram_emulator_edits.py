"""The rules of the Bot API for edits and deletions, as the tests' Telegram keeps them: aiogram's real client asks."""

from typing import Any

from aiogram.methods import (
    DeleteMessage,
    EditMessageMedia,
    EditMessageReplyMarkup,
    EditMessageText,
    SendPhoto,
)
from aiogram.types import (
    ForceReply,
    InputMediaPhoto,
)

from tests.telegram import Chat, Telegram
from tests.telegram.asked import ANNA, asked, keyboard, png, refused, say, upload


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


def test_in_groups_others_messages_are_for_administrators(api: Telegram) -> None:
    """A plain member can delete only its own."""
    group = api.group()
    theirs = api.people[ANNA].says("/queue", group)
    delete = DeleteMessage(chat_id=group.id, message_id=theirs.id)
    assert "can't be deleted" in refused(api, delete)
    group.adds_bot(admin=True)
    asked(api, delete)
