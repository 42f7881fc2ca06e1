"""From the bytes of a record to what it says."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

# What a number in a record may be: one beyond these can not be read, so that nobody ever calculates with it.
Pixels = Annotated[int, Meta(ge=1, le=65_536)]
Amount = Annotated[int, Meta(ge=1, le=10_000)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]

# Bad UTF-8 inside a string and nesting beyond all bounds are no errors of msgspec's own.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decoded(decoder: msgspec.json.Decoder[T], value: bytes) -> T | None:
    """Return what the bytes say, or None where this program can not tell."""
    try:
        return decoder.decode(value)
    except _UNREADABLE:
        return None
