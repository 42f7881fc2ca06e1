"""Chats: what stands in them, who is in them, and what happens to them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tests.telegram import transcript
from tests.telegram.messages import Json, Message

if TYPE_CHECKING:
    from tests.telegram.people import Person
    from tests.telegram.world import Telegram

T = TypeVar("T")


@dataclass
class Topic:
    """A topic of a forum; its id is its `message_thread_id`."""

    id: int
    name: str
    closed: bool = False


@dataclass(eq=False, kw_only=True)
class Chat:
    """A private chat, a group or a supergroup; everything here may be called from any thread."""

    telegram: "Telegram" = field(repr=False)
    id: int
    kind: str
    title: str | None = None
    person: "Person | None" = None  # of a private chat
    forum: bool = False
    bot: str = "member"  # or administrator, kicked, left (#chatmember)
    admins: set[int] = field(default_factory=set)
    topics: dict[int, Topic] = field(default_factory=dict)
    started: bool = False  # bots can't start a conversation with a person
    migrated_to: "Chat | None" = None
    actions: list[tuple[float, str]] = field(default_factory=list)
    _posts: dict[int, Message] = field(default_factory=dict, repr=False)

    @property
    def everything(self) -> list[Message]:
        """Return all messages that are not deleted, also those of Telegram itself ("topic created")."""
        with self.telegram.changed:
            return [self._posts[number] for number in sorted(self._posts)]

    @property
    def messages(self) -> list[Message]:
        """Return what people and the bot wrote, as it stands there now."""
        return [message for message in self.everything if not message.service]

    @property
    def answers(self) -> list[Message]:
        """Return what the bot wrote, as it stands there now."""
        return [message for message in self.messages if message.from_bot]

    def now(self, message: Message) -> Message | None:
        """Return what has become of a message, or nothing where it is deleted."""
        with self.telegram.changed:
            return self._posts.get(message.id)

    def transcript(self) -> str:
        """Return the chat as text."""
        return transcript.of(self.everything)

    def wait_for(self, look: Callable[[list[Message]], T], seconds: float = 10.0) -> T:
        """Return what `look` finds in the messages once it finds something; else fail and show the chat."""
        found: list[T] = []

        def looked() -> bool:
            with suppress(IndexError, StopIteration):
                found[:] = [look(self.messages)]
                return bool(found[0])
            return False

        with self.telegram.changed:
            if not self.telegram.changed.wait_for(looked, seconds):
                raise AssertionError(f"not within {seconds} s; the chat is:\n{self.transcript()}")
        return found[0]

    def wait_for_answer(self, part: str, seconds: float = 10.0) -> Message:
        """Return the bot's latest message with these words, once there is one."""
        return self.wait_for(lambda _: [one for one in self.answers if part in one.words], seconds)[-1]

    def blocks_bot(self) -> None:
        """Let the person block the bot."""
        self._bot_becomes("kicked")

    def unblocks_bot(self) -> None:
        """Let the person take the bot back."""
        self._bot_becomes("member")

    def kicks_bot(self) -> None:
        """Throw the bot out of the group."""
        self._bot_becomes("kicked")

    def adds_bot(self, *, admin: bool = False) -> None:
        """Take the bot into the group."""
        self._bot_becomes("administrator" if admin else "member")

    def migrates(self) -> "Chat":
        """Turn a group into a supergroup and return that (#message: migrate_to_chat_id, migrate_from_chat_id)."""
        with self.telegram.changed:
            new = self.telegram.supergroup(self.title or "", forum=False)
            new.bot, new.admins, self.migrated_to = self.bot, self.admins, new
            sender = self.telegram.bot_user
            self.post(sender, {"migrate_to_chat_id": new.id}, service=True, tell=True)
            new.post(sender, {"migrate_from_chat_id": self.id}, service=True, tell=True)
        return new

    def deletes(self, message: Message) -> None:
        """Let people delete a message; bots are not told."""
        with self.telegram.changed:
            self._posts.pop(message.id, None)
            self.telegram.changed.notify_all()

    def topic(self, name: str) -> Topic:
        """Open a topic of a forum."""
        with self.telegram.changed:
            content = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
            service = self.post(self.telegram.bot_user, content, service=True)
            self.topics[service.id] = Topic(service.id, name)
            self._posts[service.id] = replace(service, topic=service.id)
            return self.topics[service.id]

    def delete_topic(self, topic: Topic) -> None:
        """Delete a topic with all its messages."""
        with self.telegram.changed:
            del self.topics[topic.id]
            for message in [one for one in self.everything if one.topic == topic.id]:
                self.deletes(message)

    def as_json(self) -> Json:
        """Return the chat as it stands in messages (#chat)."""
        body: Json = {"id": self.id, "type": self.kind}
        if self.person is not None:
            return body | {key: self.person.user[key] for key in ("first_name", "username")}
        return body | {"title": self.title} | ({"is_forum": True} if self.forum else {})

    def post(self, sender: Json, content: Json, *, tell: bool = False, **others: Any) -> Message:
        """Put a message into the chat; `tell` says whether the bot gets an update about it."""
        with self.telegram.changed:
            number = self.telegram.message_id(self)
            date = int(self.telegram.now())
            message = Message(chat_id=self.id, id=number, sender=sender, date=date, content=content, **others)
            self._posts[number] = message
            self.telegram.changed.notify_all()
            if tell:
                self.telegram.updates.add("message", self.telegram.as_json(message))
        return message

    def replace(self, message: Message) -> None:
        """Put an edited message in the place of what it was."""
        with self.telegram.changed:
            self._posts[message.id] = message
            self.telegram.changed.notify_all()

    def find(self, number: int) -> Message | None:
        """Return the message of this number, if it is there."""
        return self._posts.get(number)

    def _bot_becomes(self, status: str) -> None:
        """#chatmemberupdated: the bot is told of its own membership, also of blocks in private chats."""
        with self.telegram.changed:
            old, self.bot = self.bot, status
            member = {"user": self.telegram.bot_user, "until_date": 0}
            change = {
                "chat": self.as_json(),
                "from": self.person.user if self.person else self.telegram.bot_user,
                "date": int(self.telegram.now()),
                "old_chat_member": self.telegram.membership(member, old),
                "new_chat_member": self.telegram.membership(member, status),
            }
            self.telegram.updates.add("my_chat_member", change)
            self.telegram.changed.notify_all()
