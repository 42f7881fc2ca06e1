"""What the core asks of the outside, named for what it does."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Annotated, NamedTuple, Protocol

import msgspec

from prompt2pic.core.records import Amount, Pixels


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One record as the log holds it; `timestamp` is when the log took it, in ms since the epoch."""

    place: Place
    offset: int
    key: str
    value: bytes
    timestamp: int


class Commit(NamedTuple):
    """A committed position with its metadata (at most 4,096 characters)."""

    offset: int
    metadata: str = ""


class Follower(Protocol):
    """Reads records from given positions on, in offset order within a partition; used by one thread."""

    def poll(self, timeout: float, limit: int = 1000) -> list[Record]:
        """Return at most `limit` new records, waiting up to `timeout` seconds for the first.

        Raises LogTruncated when offsets went back, LogUnavailable when the log can not be read now.
        """

    def positions(self) -> dict[Place, int]:
        """Return the next offset to be read of each place."""

    def wake(self) -> None:
        """Make a `poll` that waits in another thread return early."""

    def close(self) -> None:
        """Stop following."""


class Log(Protocol):
    """Append-only, ordered, durable records in topics and partitions; safe to use from several threads."""

    def append(self, place: Place, key: str, value: bytes) -> int:
        """Append one record and return its offset once it is durable.

        Raises RecordTooLarge, LogUnavailable (nothing was written) or AppendUnknown (read back).
        """

    def identity(self) -> str:
        """Return what tells this log from any other, also from one that took its place. Raises LogUnavailable."""

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""

    def bounds(self, place: Place) -> tuple[int, int]:
        """Return the earliest offset that is still held and the offset the next record will get."""

    def follow(self, positions: Mapping[Place, int]) -> Follower:
        """Follow the given places, each from its offset on."""

    def commit(self, group: str, commits: Mapping[Place, Commit]) -> None:
        """Store positions with metadata under a group's name, durably."""

    def committed(self, group: str) -> dict[Place, Commit]:
        """Return what the group last committed; empty where nothing is held."""

    def close(self) -> None:
        """Release files and connections."""


class Share(Protocol):
    """This process's part of work that several of one kind divide among themselves, by partition."""

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to take part; `changed` is called, in any thread, whenever the part is another one."""

    def mine(self, partition: int) -> bool:
        """Whether the work of a partition of `results` is this process's now."""

    def close(self) -> None:
        """Leave the work to others."""


class StoredPicture(NamedTuple):
    """A picture in the store: its key, size in bytes and time of storing in ms since the epoch."""

    key: str
    size: int
    stored: int


class PictureStore(Protocol):
    """Where picture files live; keys are `<request>/<attempt>/<n>.png`, created and never overwritten."""

    def put(self, key: str, data: bytes, on_bytes: Callable[[int], None] = lambda sent: None) -> None:
        """Store a picture durably under a new key; `on_bytes` hears the bytes sent so far.

        Raises KeyExists, StoreUnavailable (nothing readable is left under the key).
        """

    def open(self, key: str) -> bytes:
        """Return a picture's bytes. Raises PictureMissing, StoreUnavailable."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield a picture's bytes in chunks. Raises PictureMissing, StoreUnavailable before the first."""

    def link(self, key: str, seconds: float) -> str:
        """Return a signed address of the picture that expires after `seconds`."""

    def list(self) -> Iterator[StoredPicture]:
        """Iterate over all pictures, in no particular order."""

    def delete(self, key: str) -> None:
        """Delete a picture; one that is gone already is fine."""

    def check(self) -> None:
        """Prove that the store can be written and read. Raises StoreUnavailable."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A named trade of quality against time: `steps` is the number of painter steps of one picture."""

    name: str
    steps: Amount


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What a painter announces of its model.

    `sizes` are the (width, height) in pixels that it paints, the first one the default. `languages` are those
    its text encoder reads. `levels` go from fast to best. `revision` is the commit of files that come
    from the hub, written as in the setting of the painter.
    """

    name: str
    sizes: Annotated[tuple[tuple[Pixels, Pixels], ...], msgspec.Meta(min_length=1)]
    levels: tuple[Level, ...]
    languages: tuple[str, ...] = ("en",)
    device: str = "cpu"
    revision: str = ""


class PaintOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to paint: `count` pictures with the seeds `seed`, `seed + 1`, ...; sizes in pixels.

    With `strength` (above 0, at most 1) they are variations: all start from the noise of `seed`, and the n-th
    has the noise of `seed + n + 1` mixed into it, turned by that share of the way from one to the other.
    `read` is the translation of prompt and negative prompt, where there is one; what is told to people are theirs.
    """

    prompt: str
    negative: str = ""
    width: int
    height: int
    count: int = 1
    seed: int = 0
    strength: float | None = None
    level: str = "balanced"
    read: tuple[str, str] | None = None

    @property
    def words(self) -> tuple[str, str]:
        """Return the prompt and the negative prompt as the model is to read them."""
        return self.read or (self.prompt, self.negative)

    def seeds(self) -> Iterator[tuple[int, int | None]]:
        """Yield each picture's seed, and that of the noise that is mixed into its own, None for none."""
        for number in range(self.count):
            yield (self.seed + number, None) if self.strength is None else (self.seed, self.seed + number + 1)


LARGEST_PREVIEW = 1536  # bytes; 2,048 characters of base64


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One finished painter step: the picture it belongs to, counted from 0, and its place in that picture.

    `preview` is a JPEG of at most `LARGEST_PREVIEW` bytes of what the picture looks like so far, now and then.
    """

    picture: int
    step: int
    steps: int
    preview: bytes = b""


class Painted(msgspec.Struct, frozen=True, kw_only=True):
    """One picture: PNG bytes that carry their parameters, and the size it was painted at before resizing.

    `read` is how much of prompt and negative prompt the model had room for, each 0 to 1.
    """

    png: bytes
    seed: int
    width: int
    height: int
    painted_width: int
    painted_height: int
    read: tuple[float, float] = (1.0, 1.0)


class Painter(Protocol):
    """An adapter of an image model; lives in a child process and is used by one thread."""

    def load(self, progress: Callable[[float, str], None]) -> Model:
        """Load the model, telling `progress(fraction, what)`, and announce it.

        Raises PaintFailed with a key that says what is missing.
        """

    def estimate(self) -> dict[str, float]:
        """Return measured seconds a picture of the default size takes at each level, by a short trial."""

    def paint(self, order: PaintOrder, on_step: Callable[[Step], None]) -> Iterator[Painted]:
        """Paint the order, one picture after the other, calling `on_step` after each step.

        What `on_step` raises stops the painting and passes through. Raises PaintFailed.
        """

    def unload(self) -> None:
        """Free the model's memory."""


class Translator(Protocol):
    """Turns people's words into English, for models that read nothing else; used by one thread."""

    def load(self, progress: Callable[[float, str], None]) -> tuple[str, ...]:
        """Get ready, telling `progress(fraction, what)`; return the languages that it reads beside English.

        Raises PaintFailed with a key that says what is missing.
        """

    def translate(self, text: str) -> str:
        """Return a text in English; what is English already, or in no language it knows, stays as it is.

        Raises PaintFailed where it is not loaded or fails.
        """

    def unload(self) -> None:
        """Free its memory."""
