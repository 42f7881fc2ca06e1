"""One message, as it is now."""

from dataclasses import dataclass, replace
from typing import Any

from tests.telegram.files import File

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Message:
    """What people see of a message; an edit makes a new one that remembers the `earlier` ones."""

    chat_id: int
    id: int
    sender: Json
    date: int  # seconds since 1970
    content: Json  # what the Bot API calls it: text, entities, photo, caption...
    file: File | None = None
    markup: Json | None = None
    reply_to: int | None = None
    topic: int | None = None
    album: str | None = None
    edited: int | None = None
    service: bool = False
    earlier: tuple["Message", ...] = ()

    @property
    def text(self) -> str | None:
        """Return its text."""
        return self.content.get("text")

    @property
    def caption(self) -> str | None:
        """Return the words under its picture or document."""
        return self.content.get("caption")

    @property
    def words(self) -> str:
        """Return its text or caption, whichever it has."""
        return self.text or self.caption or ""

    @property
    def picture(self) -> bytes | None:
        """Return its picture, as it was uploaded."""
        return self.file.data if self.file and self.file.kind == "photo" else None

    @property
    def document(self) -> bytes | None:
        """Return the file it carries."""
        return self.file.data if self.file and self.file.kind == "document" else None

    @property
    def spoiler(self) -> bool:
        """Tell whether its picture is blurred until touched."""
        return bool(self.content.get("has_media_spoiler"))

    @property
    def from_bot(self) -> bool:
        """Tell whether the bot wrote it."""
        return bool(self.sender["is_bot"])

    @property
    def rows(self) -> list[list[Json]]:
        """Return the buttons under it."""
        return list((self.markup or {}).get("inline_keyboard", []))

    @property
    def buttons(self) -> list[list[str]]:
        """Return what is written on the buttons under it, by row."""
        return [[button["text"] for button in row] for row in self.rows]

    def button(self, text: str) -> Json:
        """Return the button that says this, or the only one that has it as a part."""
        all_of_them = [button for row in self.rows for button in row]
        found = [one for one in all_of_them if one["text"] == text]
        found = found or [one for one in all_of_them if text in one["text"]]
        assert len(found) == 1, f"{len(found)} buttons say {text!r}: {self.buttons} under {self.words!r}"
        return found[0]

    def becomes(self, date: int, **changes: Any) -> "Message":
        """Return it edited."""
        return replace(self, edited=date, earlier=(*self.earlier, self), **changes)
