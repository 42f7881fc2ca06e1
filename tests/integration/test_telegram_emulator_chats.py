"""The rules of the Bot API for chats and topics, as the tests' Telegram keeps them: aiogram's real client asks."""

from aiogram.methods import (
    EditMessageText,
    GetChat,
    SendChatAction,
    SendMessage,
)
from aiogram.types import (
    ReplyParameters,
)

from tests.telegram import Chat, Telegram
from tests.telegram.asked import ANNA, asked, refused, say


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
