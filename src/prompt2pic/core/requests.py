"""What a person asked for: the record of the `requests` topic."""

import zlib
from collections.abc import Callable
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from prompt2pic.core.records import Amount, Pixels, decoding

LEVELS = ("fast", "balanced", "best")

LevelAsked = Literal["auto", "fast", "balanced", "best"]

_NAMESPACE = UUID("5b0c2f5e-6d0e-5c37-9b2e-2f1c6a3f9d10")


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="request"):
    """The immutable body of a request.

    `width` and `height` in pixels, None for the model's own size; `seed` is the first picture's, the n-th has
    seed + n. With `strength` (above 0, at most 1) all have `seed`, and the n-th starts from its noise with that
    much of another noise in it. `reply` says where to answer. `digest` tells two bodies under one
    `Idempotency-Key` apart. With `notify` the job is over only when the person was told. `partitions` is the number
    of which its own was chosen: behind a `Grown` record with a greater one it does not count.
    """

    v: Literal[1] = 1
    id: str
    person: str
    prompt: str
    negative: str = ""
    model: str = ""
    width: Pixels | None = None
    height: Pixels | None = None
    count: Amount = 1
    seed: int
    strength: float | None = None
    level: LevelAsked = "auto"
    language: str = "en"
    reply: dict[str, str | int] = {}
    digest: str = ""
    notify: bool = False
    partitions: Amount = 1


class Grown(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="grown"):
    """From here on a request counts in this partition only if its own was chosen of at least `number`.

    Whoever has read this in each of `number` partitions knows every request of theirs that was chosen of fewer.
    """

    v: Literal[1] = 1
    number: Amount


def request_id(person: str, source: str) -> str:
    """Return the id of what `person` asked for by `source` (a message, a button press, an idempotency key).

    UUIDv5 (RFC 9562, 5.5): the same source always gives the same id, so a repeat is recognised.
    """
    return str(uuid5(_NAMESPACE, f"{person}\n{source}"))


def partition_of(person: str, partitions: int) -> int:
    """Return the partition of a person's new requests: CRC-32 of the person modulo `partitions`."""
    return zlib.crc32(person.encode()) % partitions


_encoder = msgspec.json.Encoder()


def key_of(record: Request | Grown) -> str:
    """Return the key of a record of `requests`: a request's id, none for what is said to a partition."""
    return record.id if isinstance(record, Request) else ""


def encode_request(request: Request | Grown) -> bytes:
    """Return the bytes of a record of `requests` as the log holds them."""
    return _encoder.encode(request)


decode_request: Callable[[bytes], Request | None] = decoding(Request)
"""Return the request, or None where the bytes are no request this program knows."""

decode_grown: Callable[[bytes], Grown | None] = decoding(Grown)
"""Return the record, or None where the bytes are none that this program knows."""
