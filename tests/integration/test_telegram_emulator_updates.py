"""What reaches a bot and how, as the tests' Telegram keeps the rules: aiogram's real client asks."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramConflictError
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteMyCommands,
    DeleteWebhook,
    GetMyCommands,
    GetMyDescription,
    GetUpdates,
    GetWebhookInfo,
    SendMessage,
    SetMyCommands,
    SetMyDescription,
    SetWebhook,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChatAdministrators,
    Update,
)

from tests.telegram import Answer, Person, Telegram, telegram
from tests.telegram.asked import asked, keyboard, png, refused, with_bot


@pytest.fixture
def api() -> Iterator[Telegram]:
    with telegram() as running:
        yield running


@pytest.fixture
def anna(api: Telegram) -> Person:
    return api.person(first_name="Анна", language_code="ru")


def updates(api: Telegram, **arguments: Any) -> list[Update]:
    return list(asked(api, GetUpdates(**arguments)))


def texts(found: list[Update]) -> list[str | None]:
    return [update.message.text if update.message else None for update in found]


def test_updates_come_until_they_are_confirmed(api: Telegram, anna: Person) -> None:
    """Only a higher offset confirms one; a bot that died before it asked again gets it again."""
    anna.says("1")
    anna.says("2")
    first = updates(api)
    assert texts(first) == texts(updates(api)) == ["1", "2"]
    assert texts(updates(api, offset=first[0].update_id + 1)) == ["2"]
    assert texts(updates(api)) == ["2"]
    assert texts(updates(api, limit=1, offset=-1)) == ["2"]


def test_a_long_poll_ends_when_something_comes(api: Telegram, anna: Person) -> None:
    """It waits for the update, not for the end of its time."""

    async def poll(bot: Bot) -> list[Update]:
        waiting = asyncio.create_task(bot.get_updates(timeout=30))
        await asyncio.sleep(0.1)
        anna.says("привет")
        return await asyncio.wait_for(waiting, 10)

    assert texts(with_bot(api, poll)) == ["привет"]
    assert updates(api, offset=2**40, timeout=1) == []


_POLLER = """
import json, sys, urllib.request
with urllib.request.urlopen(sys.argv[1] + "/getUpdates?timeout=30") as answer:
    print([update["message"]["text"] for update in json.load(answer)["result"]])
"""


def test_a_killed_bot_loses_nothing(api: Telegram, anna: Person) -> None:
    """Its updates wait for the next one: Telegram lives in the test's process, bots in their own."""
    command = [sys.executable, "-c", _POLLER, f"{api.url}/bot{api.token}"]
    with subprocess.Popen(command) as killed:
        api.wait_for(lambda: api.calls_to("getUpdates"))
        killed.kill()
    anna.says("1")
    assert subprocess.run(command, capture_output=True, text=True, timeout=30).stdout == "['1']\n"


def test_two_pollers_conflict(api: Telegram, anna: Person) -> None:
    """The newer one goes on, the older one hears of a conflict."""

    async def both(bot: Bot) -> list[Update]:
        older = asyncio.create_task(bot.get_updates(timeout=30))
        await asyncio.sleep(0.1)
        newer = asyncio.create_task(bot.get_updates(timeout=30))
        with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
            await older
        anna.says("1")
        return await newer

    assert texts(with_bot(api, both)) == ["1"]


def test_only_wanted_updates_come(api: Telegram, anna: Person) -> None:
    """The kinds asked for are remembered until others are asked for."""
    updates(api, allowed_updates=["callback_query"])
    anna.says("1")
    assert updates(api) == []
    updates(api, allowed_updates=[])
    anna.says("2")
    assert texts(updates(api)) == ["2"]


def test_what_people_send_arrives(api: Telegram, anna: Person) -> None:
    """Commands are marked; photos, files, stickers, forwards, edits and replies are what they are."""
    said = anna.says("/start now")
    anna.sends_photo(png(), "кот")
    anna.sends_document("a.txt", b"x")
    anna.sends_sticker()
    anna.forwards(said)
    anna.edits(said, "нет")
    anna.replies(said, "да")
    found = updates(api)
    assert found[0].message.entities[0].type == "bot_command"
    assert found[1].message.photo[-1].width == 12
    assert found[2].message.document.file_name == "a.txt"
    assert found[3].message.sticker.emoji == "🙂"
    assert found[4].message.forward_origin.type == "user"
    assert found[5].edited_message.text == "нет"
    assert found[6].message.reply_to_message.message_id == said.id
    assert found[6].message.from_user.language_code == "ru"


def test_in_groups_the_bot_hears_what_is_meant_for_it(api: Telegram, anna: Person) -> None:
    """Privacy mode: commands and replies to it, nothing else; an administrator hears all."""
    group = api.group()
    bots = asked(api, SendMessage(chat_id=group.id, text="привет"))
    anna.says("болтовня", group)
    anna.says("/txt2img@other_bot кот", group)
    anna.says("/txt2img@prompt2pic_bot кот", group)
    anna.replies(next(one for one in group.messages if one.id == bots.message_id), "рыжий")
    assert texts(updates(api)) == ["/txt2img@prompt2pic_bot кот", "рыжий"]
    group.adds_bot(admin=True)
    anna.says("болтовня", group)
    assert texts(updates(api))[-1] == "болтовня"


def test_the_bot_is_told_of_its_membership(api: Telegram, anna: Person) -> None:
    """A block is a change of the chat member that the bot is."""
    anna.says("/start")
    anna.private().blocks_bot()
    change = updates(api)[-1].my_chat_member
    assert (change.old_chat_member.status, change.new_chat_member.status) == ("member", "kicked")


def test_a_group_becomes_a_supergroup(api: Telegram, anna: Person) -> None:
    """Both chats say so, and calls to the old one name the new one."""
    group = api.group()
    new = group.migrates()
    assert [update.message.migrate_to_chat_id for update in updates(api)] == [new.id, None]
    message = refused(api, SendMessage(chat_id=group.id, text="x"))
    assert str(new.id) in message
    asked(api, SendMessage(chat_id=new.id, text="x"))


def test_a_press_is_answered_once(api: Telegram, anna: Person) -> None:
    """The person sees the words; a second answer, and one that comes too late, is refused."""
    anna.says("/start")
    asked(api, SendMessage(chat_id=anna.id, text="x", reply_markup=keyboard(Отмена="cancel:1")))
    message = anna.private().answers[0]
    press = anna.presses(message, "Отмена")
    query = updates(api)[-1].callback_query
    assert (query.data, query.message.message_id) == ("cancel:1", message.id)
    answer = AnswerCallbackQuery(callback_query_id=query.id, text="ок", show_alert=True)
    asked(api, answer)
    assert press.wait() == Answer("ок", alert=True)
    assert "query is too old" in refused(api, answer)
    late = anna.presses(message, "Отмена")
    api.advance(api.query_seconds + 1)
    assert "query is too old" in refused(api, AnswerCallbackQuery(callback_query_id=late.id))


def test_a_button_of_a_deleted_message_can_be_pressed(api: Telegram, anna: Person) -> None:
    """A screen may be late; the bot gets the message's number only."""
    anna.says("/start")
    asked(api, SendMessage(chat_id=anna.id, text="x", reply_markup=keyboard(Отмена="1")))
    message = anna.private().answers[0]
    anna.private().deletes(message)
    anna.presses(message, "Отмена")
    assert type(updates(api)[-1].callback_query.message).__name__ == "InaccessibleMessage"


def test_updates_may_come_twice(api: Telegram, anna: Person) -> None:
    """In the next answer, though the first was confirmed, and again whenever a test says so."""
    api.updates.twice = True
    anna.says("1")
    first = updates(api)
    following = first[0].update_id + 1
    assert texts(updates(api, offset=following)) == ["1"]
    assert updates(api, offset=following) == []
    api.updates.again()
    assert texts(updates(api, offset=following)) == ["1"]


class _Hook(ThreadingHTTPServer):
    """A bot behind a webhook that refuses the first update once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HookHandler)
        self.secrets: list[str | None] = []
        self.taken = threading.Event()


class _HookHandler(BaseHTTPRequestHandler):
    server: _Hook

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.secrets.append(self.headers["X-Telegram-Bot-Api-Secret-Token"])
        again = len(self.server.secrets) > 1
        self.send_response(200 if again else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if again:
            self.server.taken.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_webhook_gets_updates_until_it_takes_them(api: Telegram, anna: Person) -> None:
    """With the secret, again after a failure; meanwhile nobody can poll."""
    with _Hook() as hook:
        threading.Thread(target=hook.serve_forever, args=(0.02,), daemon=True).start()
        asked(api, SetWebhook(url=f"http://127.0.0.1:{hook.server_port}/", secret_token="s-1"))
        assert "can't use getUpdates" in refused(api, GetUpdates())
        anna.says("1")
        assert hook.taken.wait(10)
        hook.shutdown()
    assert hook.secrets == ["s-1", "s-1"]
    api.wait_for(lambda: api.updates.count() == 0)
    assert "503" in asked(api, GetWebhookInfo()).last_error_message
    assert "unallowed characters" in refused(api, SetWebhook(url="https://x.org", secret_token="я"))
    asked(api, DeleteWebhook())
    assert updates(api) == []


def test_commands_have_scopes_and_languages(api: Telegram, anna: Person) -> None:
    """People see the narrowest list that fits, in their language or in none."""
    boris = api.person(first_name="Boris", language_code="en")
    group = api.group(admins=[boris])

    def put(word: str, **where: Any) -> None:
        asked(api, SetMyCommands(commands=[BotCommand(command="x", description=word)], **where))

    put("default")
    put("private", scope=BotCommandScopeAllPrivateChats())
    put("лично", scope=BotCommandScopeAllPrivateChats(), language_code="ru")
    put("admins", scope=BotCommandScopeChatAdministrators(chat_id=group.id))
    assert (anna.commands(), boris.commands()) == ([("x", "лично")], [("x", "private")])
    assert (anna.commands(group), boris.commands(group)) == ([("x", "default")], [("x", "admins")])
    asked(api, DeleteMyCommands())
    assert asked(api, GetMyCommands()) == anna.commands(group) == []


def test_commands_are_checked(api: Telegram) -> None:
    """Lower case only, and a description."""
    for command, why in (("Start", "BOT_COMMAND_INVALID"), ("a" * 33, "BOT_COMMAND_INVALID")):
        commands = [BotCommand(command=command, description="x")]
        assert why in refused(api, SetMyCommands(commands=commands))


def test_the_description_has_languages(api: Telegram) -> None:
    """A language without words of its own shows the common ones."""
    asked(api, SetMyDescription(description="pictures"))
    asked(api, SetMyDescription(description="картинки", language_code="ru"))
    found = [asked(api, GetMyDescription(language_code=code)).description for code in ("ru", "en")]
    assert found == ["картинки", "pictures"]
