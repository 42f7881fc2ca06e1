"""From the bytes of a record to what it says."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

# What a number in a record may be: one beyond these can not be read, so that nobody ever calculates with it.
Pixels = Annotated[int, Meta(ge=1, le=65_536)]
Amount = Annotated[int, Meta(ge=1, le=10_000)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]

# Bad UTF-8 inside a string and nesting beyond all bounds are no errors of msgspec's own.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decoding(kind: Any) -> Callable[[bytes], Any]:
    """Return what reads records of a kind from their bytes, None where this program can not tell what they say."""
    decode = msgspec.json.Decoder(kind).decode

    def read(value: bytes) -> Any:
        try:
            return decode(value)
        except UNREADABLE:
            return None

    return read
