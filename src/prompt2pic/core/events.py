"""Everything that happens to a request: the records of the `results` topic, the ledger."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

import msgspec

from prompt2pic.core.records import Pixels, Seconds, Share, decoding

SUPPORTED_VERSION = 1


class Token(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A fencing token: the offset of the `claimed` event that counted, and its attempt's random id."""

    offset: int
    attempt: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A stored picture: its key in the store, a signed link for other consumers, its seed and sizes."""

    key: str
    link: str = ""
    seed: int
    width: Pixels
    height: Pixels
    painted_width: Pixels
    painted_height: Pixels


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    v: Literal[1] = 1


class _JobEvent(_Event, frozen=True, kw_only=True):
    """An event of one job; `at` is the offset of its request in the same partition of `requests`."""

    request: str
    at: int


class _AttemptEvent(_JobEvent, frozen=True, kw_only=True):
    token: Token


class Claimed(_JobEvent, frozen=True, kw_only=True):
    """A worker takes a waiting job: first in the log wins. `lease` and `predicted` in seconds.

    `lowered` says that load, not the person, chose less than the best level; `by_age` that it was nobody's turn
    and the job the one that waited longest.
    """

    attempt: str
    worker: str
    model: str
    level: str
    lowered: bool = False
    lease: Seconds
    predicted: Seconds
    by_age: bool = False


class Started(_AttemptEvent, frozen=True, kw_only=True):
    """The painter has begun."""


class Progressed(_AttemptEvent, frozen=True, kw_only=True):
    """Painter steps or bytes uploaded since the last record: renews the lease.

    `fraction` of the whole job, 0 to 1; `left` is the predicted rest in seconds. `preview` is a tiny JPEG in
    base64 of what is being painted, at most 2,048 characters; empty where the attempt's last one still holds.
    """

    fraction: Share
    step: int
    steps: int
    left: Seconds | None = None
    preview: str = ""


class Released(_AttemptEvent, frozen=True, kw_only=True):
    """The worker gives the job back unharmed; costs no attempt."""

    reason: str


class Failed(_JobEvent, frozen=True, kw_only=True):
    """An attempt failed, or (without token) a job that waits is given up; `reason` is a key of `texts`."""

    token: Token | None
    reason: str
    final: bool
    notify: bool = False


class Expired(_AttemptEvent, frozen=True, kw_only=True):
    """Nothing was seen of the token for its lease; counts only if `last` is the attempt's newest record."""

    last: int
    final: bool
    notify: bool = False


class Cancelled(_JobEvent, frozen=True, kw_only=True):
    """The person, or an operator, wants the job no more."""

    by: str
    notify: bool = False


class Finished(_AttemptEvent, frozen=True, kw_only=True):
    """All pictures are stored. `seconds` is the time painted, without waiting and uploading.

    `read` is how much of the prompt the model had room for, 0 to 1, and `negative_read` of the negative prompt.
    """

    pictures: Annotated[tuple[Picture, ...], msgspec.Meta(min_length=1)]
    worker: str
    model: str
    level: str
    lowered: bool = False
    steps: int
    seconds: Seconds
    read: Share = 1.0
    negative_read: Share = 1.0
    notify: bool = False


class Announced(_JobEvent, frozen=True, kw_only=True):
    """The status message a person was shown."""

    message: int


class Delivered(_JobEvent, frozen=True, kw_only=True):
    """The person has what they were to get, or (`gone`) can not be reached any more."""

    messages: tuple[int, ...] = ()
    gone: bool = False


class Erased(_Event, frozen=True, kw_only=True):
    """Hides everything the person asked for in this partition before the request offset `upto`.

    With `request` only that one, which is the last before `upto`.
    """

    person: str
    upto: int
    request: str | None = None


class Version(_Event, frozen=True, kw_only=True):
    """From here on this partition holds transitions that only programs of version `needs` know."""

    needs: int


JobEvent: TypeAlias = (
    Claimed
    | Started
    | Progressed
    | Released
    | Failed
    | Expired
    | Cancelled
    | Finished
    | Announced
    | Delivered
)
Event: TypeAlias = JobEvent | Erased | Version

_encoder = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """Return the bytes of an event as the log holds them."""
    return _encoder.encode(event)


read_event = msgspec.json.Decoder(Event).decode
"""Return the event; what `UNREADABLE` names is raised where the bytes are none that this program knows."""

decode_event: Callable[[bytes], Event | None] = decoding(Event)
"""Return the event, or None where the bytes are no event this program knows."""
