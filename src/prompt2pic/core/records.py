"""From the bytes of a record to what it says."""

from typing import TypeVar

import msgspec

T = TypeVar("T")

# Bad UTF-8 inside a string and nesting beyond all bounds are no errors of msgspec's own.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decoded(decoder: msgspec.json.Decoder[T], value: bytes) -> T | None:
    """Return what the bytes say, or None where this program can not tell."""
    try:
        return decoder.decode(value)
    except _UNREADABLE:
        return None
