"""Text with marks: what HTML becomes, how long it is, and what Telegram itself finds in it."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.telegram.refusals import Refusal, bad_request

Entity = dict[str, Any]

# #html-style: only these tags are supported.
_TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
}
# #html-style: only these named entities, and all numerical ones.
_PIECES = re.compile(
    r"<(?P<close>/?)(?P<tag>[^\s>]*)(?P<rest>[^>]*)>|(?P<open><)|&(?:lt|gt|amp|quot|#\d+|#x[\da-fA-F]+);"
)
_COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,64}(?:@\w+)?")


def utf16(text: str) -> int:
    """Return the length in UTF-16 code units, in which offsets are counted (#messageentity)."""
    return len(text.encode("utf-16-le")) // 2


def commands_in(text: str) -> list[Entity]:
    """Return the bot commands of a text, as Telegram marks them in what people write."""
    return [
        {"type": "bot_command", "offset": utf16(text[: found.start()]), "length": utf16(found[0])}
        for found in _COMMAND.finditer(text)
    ]


def formatted(text: str, mode: str | None, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Return the text after entity parsing, trimmed as Telegram does (#formatting-options)."""
    if mode and mode.lower() == "html":
        text, entities = _Html(text).parse()
    elif mode:
        raise bad_request(f"unsupported parse_mode (the emulator knows HTML, not {mode})")
    return _trimmed(text, entities)


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Drop the white space around the text; entities lose what they covered of it."""
    start = utf16(text) - utf16(text.lstrip())
    text = text.strip()
    end = utf16(text)
    moved = ((one, one["offset"] - start, one["offset"] - start + one["length"]) for one in entities)
    clipped = [one | {"offset": max(0, a), "length": min(end, b) - max(0, a)} for one, a, b in moved]
    return text, [one for one in clipped if one["length"] > 0]


@dataclass
class _Html:
    """A parser as strict as Telegram's: what it does not know it refuses (#html-style)."""

    source: str
    text: str = ""
    open: list[tuple[str, Entity]] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)

    def parse(self) -> tuple[str, list[Entity]]:
        for plain, mark in self._pieces():
            self.text += plain
            if mark is not None:
                self._take(mark)
        if self.open:
            tag = self.open[-1][0]
            raise _unparsable(f'can\'t find end tag corresponding to start tag "{tag}"')
        return self.text, sorted(self.entities, key=lambda one: (one["offset"], -one["length"]))

    def _pieces(self) -> Iterator[tuple[str, re.Match[str] | None]]:
        position = 0
        for mark in _PIECES.finditer(self.source):
            yield self.source[position : mark.start()], mark
            position = mark.end()
        yield self.source[position:], None

    def _take(self, mark: re.Match[str]) -> None:
        at = f"at byte offset {len(self.source[: mark.start()].encode())}"
        if mark["open"]:
            raise _unparsable(f"unclosed start tag {at}")
        if mark["tag"] is None:
            self.text += html.unescape(mark[0])
        elif mark["close"]:
            self._close(mark["tag"].lower(), at)
        else:
            self._open(mark["tag"].lower(), mark["rest"], at)

    def _open(self, tag: str, rest: str, at: str) -> None:
        if tag not in _TAGS:
            raise _unparsable(f'unsupported start tag "{tag}" {at}')
        if tag == "span" and "tg-spoiler" not in rest:
            raise _unparsable(f'tag "span" must have class "tg-spoiler" {at}')
        self.open.append((tag, {"type": _TAGS[tag], "offset": utf16(self.text)} | _attributes(tag, rest)))

    def _close(self, tag: str, at: str) -> None:
        if not self.open:
            raise _unparsable(f"unexpected end tag {at}")
        expected, entity = self.open.pop()
        if tag != expected:
            raise _unparsable(f'unmatched end tag {at}, expected "</{expected}>", found "</{tag}>"')
        if length := utf16(self.text) - entity["offset"]:
            self.entities.append(entity | {"length": length})


def _attributes(tag: str, rest: str) -> Entity:
    if tag == "a" and (link := re.search(r"href\s*=\s*[\"']([^\"']*)[\"']", rest)):
        return {"url": html.unescape(link[1])}
    if tag == "blockquote" and "expandable" in rest:
        return {"type": "expandable_blockquote"}
    return {}


def _unparsable(why: str) -> Refusal:
    return bad_request(f"can't parse entities: {why}")
