"""What the owner has decided, and what each person prefers: the records of the compacted `settings` topic."""

from collections.abc import Callable
from typing import Literal

import msgspec

from prompt2pic.core.ports import Record
from prompt2pic.core.records import Amount, Pixels, decoding
from prompt2pic.core.requests import LevelAsked


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="drain"):
    """While `on`, workers end what they have and take no more, and nothing new is taken in."""

    v: Literal[1] = 1
    on: bool


class Partitions(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="partitions"):
    """New requests are spread over `number` partitions; a smaller number than before changes nothing."""

    v: Literal[1] = 1
    number: Amount


class Ban(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ban"):
    """While `on`, nothing is taken from the person."""

    v: Literal[1] = 1
    person: str
    on: bool


class Preferences(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="preferences"):
    """What a person means where they say nothing; `language` empty for the one their program speaks."""

    v: Literal[1] = 1
    person: str
    level: LevelAsked = "auto"
    width: Pixels | None = None
    height: Pixels | None = None
    negative: str = ""
    language: str = ""


_encoder = msgspec.json.Encoder()
_decode_ban: Callable[[bytes], Ban | None] = decoding(Ban)
_decode_preferences: Callable[[bytes], Preferences | None] = decoding(Preferences)
_decode_drain: Callable[[bytes], Drain | None] = decoding(Drain)
_decode_partitions: Callable[[bytes], Partitions | None] = decoding(Partitions)

DRAIN_KEY, PARTITIONS_KEY = "drain", "partitions"
_BAN, _PREFERENCES = "ban:", "preferences:"  # with the person behind them


def personal(record: Ban | Preferences) -> tuple[str, bytes]:
    """Return the key and the bytes of a record about one person, as the log holds them."""
    kind = _BAN if isinstance(record, Ban) else _PREFERENCES
    return kind + record.person, _encoder.encode(record)


def encode_drain(drain: Drain) -> bytes:
    """Return the bytes of a drain record as the log holds them."""
    return _encoder.encode(drain)


def encode_partitions(number: int) -> bytes:
    """Return the bytes of the record that new requests are spread over `number` partitions."""
    return _encoder.encode(Partitions(number=number))


class Rules:
    """The owner's decisions and people's preferences, by their newest records."""

    def __init__(self) -> None:
        self.draining = False
        self.partitions: int | None = None
        self.banned: set[str] = set()
        self._preferences: dict[str, Preferences] = {}

    def preferences(self, person: str) -> Preferences:
        """Return what a person prefers."""
        return self._preferences.get(person) or Preferences(person=person)

    def apply(self, record: Record) -> None:
        """Take in one record of the `settings` topic; one that is not known changes nothing."""
        if record.key == DRAIN_KEY and (drain := _decode_drain(record.value)) is not None:
            self.draining = drain.on
        elif record.key == PARTITIONS_KEY and (told := _decode_partitions(record.value)) is not None:
            self.partitions = max(told.number, self.partitions or 1)
        elif record.key.startswith(_BAN) and (ban := _decode_ban(record.value)) is not None:
            (self.banned.add if ban.on else self.banned.discard)(ban.person)
        elif record.key.startswith(_PREFERENCES) and (said := _decode_preferences(record.value)) is not None:
            self._preferences[said.person] = said
