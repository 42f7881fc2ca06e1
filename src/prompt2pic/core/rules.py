"""What the owner has decided for everybody: the records of the compacted `settings` topic."""

from collections.abc import Callable
from typing import Literal

import msgspec

from prompt2pic.core.ports import Record
from prompt2pic.core.records import decoding


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="drain"):
    """While `on`, workers end what they have and take no more, and nothing new is taken in."""

    v: Literal[1] = 1
    on: bool


_encoder = msgspec.json.Encoder()
_decode_drain: Callable[[bytes], Drain | None] = decoding(Drain)

DRAIN_KEY = "drain"


def encode_drain(drain: Drain) -> bytes:
    """Return the bytes of a drain record as the log holds them."""
    return _encoder.encode(drain)


class Rules:
    """The owner's decisions, by their newest records."""

    def __init__(self) -> None:
        self.draining = False

    def apply(self, record: Record) -> None:
        """Take in one record of the `settings` topic; one that is not known changes nothing."""
        drain = _decode_drain(record.value) if record.key == DRAIN_KEY else None
        if drain is not None:
            self.draining = drain.on
