"""People: they write, send, edit, forward and press."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.telegram.chats import Chat, Topic
from tests.telegram.formatting import commands_in
from tests.telegram.messages import Json, Message

if TYPE_CHECKING:
    from tests.telegram.world import Telegram


@dataclass(frozen=True)
class Answer:
    """What the person saw after a press: a passing notice, or an alert; often without words."""

    text: str = ""
    alert: bool = False


@dataclass(eq=False)
class Press:
    """A press of a button, as the person sees it: a spinner until there is an answer."""

    telegram: "Telegram" = field(repr=False)
    id: str
    at: float
    answer: Answer | None = None

    def wait(self, seconds: float = 10.0) -> Answer:
        """Return the answer once there is one."""
        self.telegram.wait_for(lambda: self.answer is not None, seconds, "nobody answered the press")
        assert self.answer is not None
        return self.answer


@dataclass(eq=False)
class Person:
    """Somebody with Telegram; without `chat` they write to the bot in private."""

    telegram: "Telegram" = field(repr=False)
    user: Json
    deactivated: bool = False
    known: bool = False  # to the bot, from anywhere

    @property
    def id(self) -> int:
        """Return the id of the person, which is also the id of their private chat."""
        return int(self.user["id"])

    def private(self) -> Chat:
        """Return the chat with the bot."""
        return self.telegram.private(self)

    def says(self, text: str, chat: Chat | None = None, **where: Any) -> Message:
        """Write a text."""
        content: Json = {"text": text}
        if entities := commands_in(text):
            content["entities"] = entities
        return self._sends(chat, content, **where)

    def replies(self, to: Message, text: str) -> Message:
        """Answer a message where it stands."""
        topic = {"topic": to.topic} if to.topic else {}
        return self.says(text, self.telegram.chats[to.chat_id], reply_to=to, **topic)

    def sends_photo(
        self, data: bytes, caption: str | None = None, chat: Chat | None = None, **where: Any
    ) -> Message:
        """Send a photo."""
        file = self.telegram.files.add("photo", "photo.png", data)
        words = {"caption": caption} if caption else {}
        return self._sends(chat, {"photo": file.as_json()} | words, file=file, **where)

    def sends_document(self, name: str, data: bytes, chat: Chat | None = None, **where: Any) -> Message:
        """Send a file."""
        file = self.telegram.files.add("document", name, data)
        return self._sends(chat, {"document": file.as_json()}, file=file, **where)

    def sends_sticker(self, emoji: str = "🙂", chat: Chat | None = None, **where: Any) -> Message:
        """Send a sticker."""
        ids = {"file_id": "CAACAgIAAxkBAAIS", "file_unique_id": "AgADS", "type": "regular"}
        look = {"width": 512, "height": 512, "is_animated": False, "is_video": False, "emoji": emoji}
        return self._sends(chat, {"sticker": ids | look}, **where)

    def sends(self, content: Json, chat: Chat | None = None, **where: Any) -> Message:
        """Send anything else, in the Bot API's own words: a voice, a location, a contact."""
        return self._sends(chat, content, **where)

    def forwards(self, message: Message, chat: Chat | None = None) -> Message:
        """Pass a message on (#messageorigin)."""
        origin = {"type": "user", "date": message.date, "sender_user": message.sender}
        return self._sends(chat, message.content | {"forward_origin": origin}, file=message.file)

    def edits(self, message: Message, text: str) -> Message:
        """Change the words of a message: its text, or its caption."""
        with self.telegram.changed:
            chat = self.telegram.chats[message.chat_id]
            words, marks = ("caption", "caption_entities") if message.file else ("text", "entities")
            kept = {name: value for name, value in message.content.items() if name != marks}
            content = kept | {words: text} | ({marks: found} if (found := commands_in(text)) else {})
            edited = message.becomes(int(self.telegram.now()), content=content)
            chat.replace(edited)
            if self.telegram.bot_sees(edited):
                self.telegram.updates.add("edited_message", self.telegram.as_json(edited))
        return edited

    def presses(self, message: Message, text: str) -> Press:
        """Press a button of the message as this person sees it, which may be older than what stands there now."""
        with self.telegram.changed:
            data = message.button(text).get("callback_data")
            assert data is not None, f"the button {text!r} is a link"
            return self.telegram.press(self, message, data)

    def commands(self, chat: Chat | None = None) -> list[tuple[str, str]]:
        """Return the menu of commands that the person sees in a chat."""
        return self.telegram.profile.menu(chat or self.private(), self.id, self.user["language_code"])

    def _sends(
        self,
        chat: Chat | None,
        content: Json,
        *,
        reply_to: Message | None = None,
        topic: Topic | int | None = None,
        **others: Any,
    ) -> Message:
        with self.telegram.changed:
            chat = chat or self.private()
            assert chat.kind != "private" or chat.bot == "member", "who blocked the bot can't write to it"
            chat.started = self.known = True
            message = chat.post(
                self.user,
                content,
                reply_to=reply_to.id if reply_to else None,
                topic=topic.id if isinstance(topic, Topic) else topic,
                **others,
            )
            if self.telegram.bot_sees(message):
                self.telegram.updates.add("message", self.telegram.as_json(message))
        return message
