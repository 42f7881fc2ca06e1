"""What the owner has decided for everybody: the records of the compacted `settings` topic."""

from collections.abc import Callable
from typing import Literal

import msgspec

from prompt2pic.core.ports import Record
from prompt2pic.core.records import Amount, decoding


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="drain"):
    """While `on`, workers end what they have and take no more, and nothing new is taken in."""

    v: Literal[1] = 1
    on: bool


class Partitions(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="partitions"):
    """New requests are spread over `number` partitions; a smaller number than before changes nothing."""

    v: Literal[1] = 1
    number: Amount


_encoder = msgspec.json.Encoder()
_decode_drain: Callable[[bytes], Drain | None] = decoding(Drain)
_decode_partitions: Callable[[bytes], Partitions | None] = decoding(Partitions)

DRAIN_KEY, PARTITIONS_KEY = "drain", "partitions"


def encode_drain(drain: Drain) -> bytes:
    """Return the bytes of a drain record as the log holds them."""
    return _encoder.encode(drain)


def encode_partitions(number: int) -> bytes:
    """Return the bytes of the record that new requests are spread over `number` partitions."""
    return _encoder.encode(Partitions(number=number))


class Rules:
    """The owner's decisions, by their newest records."""

    def __init__(self) -> None:
        self.draining = False
        self.partitions: int | None = None

    def apply(self, record: Record) -> None:
        """Take in one record of the `settings` topic; one that is not known changes nothing."""
        if record.key == DRAIN_KEY and (drain := _decode_drain(record.value)) is not None:
            self.draining = drain.on
        elif record.key == PARTITIONS_KEY and (told := _decode_partitions(record.value)) is not None:
            self.partitions = max(told.number, self.partitions or 1)
