"""Telegram as a whole: its chats, people and files, and what the bot under test did to them."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from aiogram.types import ChatMemberAdministrator

from tests.telegram.calls import Call
from tests.telegram.chats import Chat
from tests.telegram.faults import BadGateway, Fault, Faults, Kind
from tests.telegram.files import Files
from tests.telegram.limits import Limits, Meter, Violation
from tests.telegram.messages import Json, Message
from tests.telegram.people import Person, Press
from tests.telegram.profile import Profile
from tests.telegram.updates import Updates

TOKEN = "4242:tests-only"
# #chatmemberadministrator: all rights are told, and there are more with every version.
_RIGHTS = [
    name
    for name, field in ChatMemberAdministrator.model_fields.items()
    if field.is_required() and name != "user"
]
_GROUP = -4_000_000_000
_SUPERGROUP = -1_002_000_000_000


class Telegram:
    """The state, which outlives any bot; `changed` guards it and tells those who wait."""

    def __init__(self) -> None:
        self.url = ""  # the server's
        self.token = TOKEN
        self.bot_user: Json = {
            "id": 4242,
            "is_bot": True,
            "first_name": "Prompt2Pic",
            "username": "prompt2pic_bot",
        }
        self.privacy = True  # features#privacy-mode: the default of a new bot
        self.query_seconds = 60.0  # how long a press can be answered
        self.changed = threading.Condition(threading.RLock())
        self.chats: dict[int, Chat] = {}
        self.people: dict[int, Person] = {}
        self.presses: dict[str, Press] = {}
        self.files = Files()
        self.faults = Faults()
        self.updates = Updates(self.changed)
        self.meter = Meter()
        self.profile = Profile()
        self.calls: list[Call] = []
        self._shift = 0.0  # seconds
        self._message_ids: dict[int, int] = {}

    def now(self) -> float:
        """Return the time here, in seconds since 1970."""
        return time.time() + self._shift

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._shift += seconds

    def person(self, id: int = 0, first_name: str = "Анна", language_code: str = "ru") -> Person:
        """Make a person."""
        with self.changed:
            number = id or 1001 + len(self.people)
            user = {"id": number, "is_bot": False, "first_name": first_name, "language_code": language_code}
            self.people[number] = Person(self, user | {"username": f"user{number}"})
            return self.people[number]

    def private(self, person: Person) -> Chat:
        """Return the chat of a person with the bot."""
        with self.changed:
            if person.id not in self.chats:
                self.chats[person.id] = Chat(telegram=self, id=person.id, kind="private", person=person)
            return self.chats[person.id]

    def group(self, title: str = "Художники", admins: Iterable[Person] = ()) -> Chat:
        """Make a group that the bot is in."""
        return self._gathering(_GROUP, "group", title, admins, forum=False)

    def supergroup(
        self, title: str = "Художники", admins: Iterable[Person] = (), *, forum: bool = False
    ) -> Chat:
        """Make a supergroup that the bot is in; a forum has topics."""
        return self._gathering(_SUPERGROUP, "supergroup", title, admins, forum=forum)

    def limit(self, limits: Limits | None = None) -> None:
        """Count calls against the documented limits, or against others."""
        with self.changed:
            self.meter = Meter(limits or Limits())

    @property
    def violations(self) -> list[Violation]:
        """Return the calls that went over a limit."""
        with self.changed:
            return list(self.meter.violations)

    def breaks(self, kind: Kind, method: str | None = None, chat: Chat | None = None, **when: Any) -> Fault:
        """Plan a fault: for one call, unless `times`, `skip`, `probability` and `seed` say otherwise."""
        return self.faults.plan(Fault(kind, method, chat.id if chat else None, **when))

    def goes_down(self, kind: Kind | None = None) -> None:
        """Let every call fail, until `comes_back`."""
        self.faults.down = kind or BadGateway()

    def comes_back(self) -> None:
        """End all faults."""
        self.faults.stop()

    def calls_to(self, method: str, chat: Chat | None = None) -> list[Call]:
        """Return the calls of a method, in a chat or in all."""
        with self.changed:
            return [one for one in self.calls if one.method == method and chat in (None, one.chat(self))]

    def wait_for(self, look: Callable[[], Any], seconds: float = 10.0, otherwise: str = "") -> None:
        """Return once `look` sees something; else fail with the last calls."""
        with self.changed:
            if not self.changed.wait_for(look, seconds):
                calls = "\n".join(str(call) for call in self.calls[-20:])
                raise AssertionError(f"not within {seconds} s: {otherwise}\n{calls}")

    def press(self, person: Person, message: Message, data: str) -> Press:
        """Send a callback query (#callbackquery); of a deleted message only its number is left."""
        with self.changed:
            press = Press(self, str(9_000_000 + len(self.presses)), self.now())
            self.presses[press.id] = press
            chat = self.chats[message.chat_id]
            person.known = True
            found = chat.find(message.id)
            gone = {"chat": chat.as_json(), "message_id": message.id, "date": 0}  # #inaccessiblemessage
            body = {"id": press.id, "from": person.user, "chat_instance": str(chat.id), "data": data}
            self.updates.add("callback_query", body | {"message": self.as_json(found) if found else gone})
            return press

    def bot_sees(self, message: Message) -> bool:
        """Tell whether the bot gets a message: all in private, in groups what features#privacy-mode says."""
        chat = self.chats[message.chat_id]
        if chat.bot in ("kicked", "left"):
            return False
        if chat.kind == "private" or chat.bot == "administrator" or not self.privacy:
            return True
        first = message.words.split(maxsplit=1)[0] if message.words.strip() else ""
        command, _, addressee = first.partition("@")
        is_command = command.startswith("/") and addressee in ("", self.bot_user["username"])
        answered = chat.find(message.reply_to) if message.reply_to else None
        return is_command or (answered is not None and answered.from_bot)

    def as_json(self, message: Message, *, whole: bool = True) -> Json:
        """Return a message as the Bot API shows it (#message)."""
        chat = self.chats[message.chat_id]
        body: Json = {"message_id": message.id, "date": message.date, "chat": chat.as_json()}
        body |= {"from": message.sender} | message.content
        if message.rows:
            body["reply_markup"] = message.markup
        if message.topic:
            body |= {"message_thread_id": message.topic, "is_topic_message": True}
        if message.edited:
            body["edit_date"] = message.edited
        if message.album:
            body["media_group_id"] = message.album
        if whole and message.reply_to and (answered := chat.find(message.reply_to)):
            body["reply_to_message"] = self.as_json(answered, whole=False)
        return body

    def membership(self, member: Json, status: str) -> Json:
        """Return a #chatmember."""
        extra = dict.fromkeys(_RIGHTS, True) if status == "administrator" else {}
        return member | {"status": status} | extra

    def message_id(self, chat: Chat) -> int:
        """Return the next number: a supergroup counts for itself, the bot's other chats share one count.

        A supergroup's first message is of Telegram itself: in a forum it stands for the general topic.
        """
        counter, first = (chat.id, 1) if chat.kind == "supergroup" else (0, 0)
        self._message_ids[counter] = self._message_ids.get(counter, first) + 1
        return self._message_ids[counter]

    def _gathering(self, base: int, kind: str, title: str, admins: Iterable[Person], *, forum: bool) -> Chat:
        with self.changed:
            number = base - len(self.chats) - 1
            ids = {person.id for person in admins}
            chat = Chat(telegram=self, id=number, kind=kind, title=title, forum=forum, admins=ids)
            self.chats[number] = chat
            return chat
