"""Groups, topics, and chats that are no longer what they were."""

import pytest

from prompt2pic.core.events import Delivered
from tests.bot.service import BotService
from tests.bot.test_dialog import picture_of
from tests.telegram import Chat, Flood, Telegram


def pictures(chat: Chat) -> int:
    """Count a chat's pictures."""
    return sum(message.picture is not None for message in chat.messages)


def test_in_a_group_only_commands_and_replies_count(api: Telegram) -> None:
    """People talk with each other; a command asks for a reply, and the reply is the prompt."""
    api.privacy = False  # the owner has let the bot read everything
    anna, group = api.person(), api.supergroup()
    anna.says("кто-нибудь видел моего кота?", group)
    anna.sends_sticker(chat=group)
    anna.says("/txt2img@prompt2pic_bot", group)
    question = group.wait_for_answer("Введите описание", 30)
    anna.replies(question, "кот")
    picture = picture_of(group)
    api.privacy = True
    assert picture.words.startswith("кот\n")
    assert [message.from_bot for message in group.messages].count(True) == 2


def test_the_status_replies_to_whoever_asked(api: Telegram) -> None:
    """Two people ask in one group; each picture replies to its asker's message."""
    group = api.supergroup()
    asked = {api.person().says(f"/txt2img кот {n}", group).id: f"кот {n}" for n in range(2)}
    group.wait_for(lambda messages: pictures(group) == 2 or None, 60)
    answered = {
        message.reply_to: message.words.split("\n")[0] for message in group.messages if message.picture
    }
    assert answered == asked


def test_a_forum_topic_keeps_its_answers(api: Telegram) -> None:
    """What is asked for in a topic is answered there; where it is deleted, in the group."""
    anna, forum = api.person(), api.supergroup(forum=True)
    topic = forum.topic("коты")
    anna.says("/txt2img кот", forum, topic=topic)
    assert picture_of(forum).topic == topic.id
    lost = forum.topic("псы")
    anna.says("/txt2img пёс --level best", forum, topic=lost)
    forum.wait_for(lambda messages: [m for m in messages if m.from_bot and m.topic == lost.id], 30)
    forum.delete_topic(lost)
    forum.wait_for(lambda messages: [m for m in messages if m.picture and m.words.startswith("пёс")], 60)


def test_a_deleted_status_message(own_service: BotService) -> None:
    """Whoever deletes it is left alone until there is a picture, and gets that."""
    anna = own_service.api.person()
    chat = anna.private()
    anna.says("кот --level best")
    chat.deletes(chat.wait_for_answer("обрабатывается", 30))
    assert picture_of(chat).words.startswith("кот")
    assert len(chat.answers) == 1


def test_a_group_becomes_a_supergroup(own_service: BotService) -> None:
    """Its messages stay behind; the picture arrives in what it has become."""
    api = own_service.api
    anna, group = api.person(), api.group()
    anna.says("/txt2img кот --level best", group)
    group.wait_for_answer("обрабатывается", 30)
    new = group.migrates()
    assert picture_of(new).words.startswith("кот")


@pytest.mark.parametrize("how", ["blocks", "kicks"])
def test_a_chat_that_can_not_be_reached(own_service: BotService, how: str) -> None:
    """Blocked, or thrown out of a group: the log says that nobody could be told, and others are served."""
    api = own_service.api
    anna, eve = api.person(), api.person()
    chat = anna.private() if how == "blocks" else api.supergroup()
    anna.says("кот --level fast" if how == "blocks" else "/txt2img кот --level fast", chat)
    chat.wait_for_answer("обрабатывается", 30)
    (chat.blocks_bot if how == "blocks" else chat.kicks_bot)()
    eve.says("пёс")
    assert picture_of(eve.private())
    own_service.wait_for_event(Delivered, lambda event: event.gone)
    assert pictures(chat) == 0


def test_a_flood_reply_holds_up_its_own_chat_alone(api: Telegram) -> None:
    """Told to wait, the bot waits there, loses nothing, answers buttons at once and serves other chats meanwhile."""
    anna, eve = api.person(), api.person()
    anna.says("кот")
    first = picture_of(anna.private())
    api.breaks(Flood(8), "sendMessage", anna.private())
    anna.says("/queue")
    api.wait_for(lambda: [call for call in api.calls_to("sendMessage", anna.private()) if call.fault], 30)
    eve.says("пёс")
    assert anna.presses(first, "Ещё одну").wait().text == "Принято"
    assert picture_of(eve.private())
    held = [message for message in anna.private().messages if message.from_bot]
    assert held == [first], "the chat that was told to wait heard something"
    assert picture_of(anna.private(), 2)
    assert anna.private().wait_for_answer("рисуется", 30)


def test_answers_to_two_people_in_a_group_are_two(api: Telegram) -> None:
    """While a busy group waits, the answer to one person does not take the place of another's."""
    anna, eve, group = api.person(), api.person(), api.supergroup()
    api.breaks(Flood(3), "sendMessage", group)
    anna.says("/help", group)
    api.wait_for(lambda: api.calls_to("sendMessage", group), 30)
    anna.says("/txt2img", group)
    eve.says("/txt2img", group)
    asked = group.wait_for(lambda messages: [m for m in messages if m.words.startswith("Введите")][1:], 30)
    assert asked


def test_settings_in_a_group_are_their_owners(api: Telegram) -> None:
    """Who did not ask for the keyboard can not set anything by it."""
    anna, eve, group = api.person(), api.person(), api.supergroup()
    anna.says("/settings", group)
    keyboard = group.wait_for_answer("Это действует", 30)
    assert "для того, кто" in eve.presses(keyboard, "быстрое качество").wait().text
    assert anna.presses(keyboard, "быстрое качество").wait().text == "Запомнил"
