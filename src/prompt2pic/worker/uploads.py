"""Stores pictures from a thread of its own, with bounded retries."""

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from prompt2pic.core.errors import KeyExists, Problem, StoreUnavailable
from prompt2pic.core.events import Picture
from prompt2pic.core.ports import Painted, PictureStore
from prompt2pic.worker.attempt import stored

_TRIES = 4
_FIRST_PAUSE = 0.5  # seconds, doubled with each try


class Sent(msgspec.Struct, frozen=True):
    """Bytes of an attempt's picture went out."""

    attempt: str


class Stored(msgspec.Struct, frozen=True):
    """A picture of an attempt is stored."""

    attempt: str
    number: int
    picture: Picture


class NotStored(msgspec.Struct, frozen=True):
    """A picture could not be stored after all tries."""

    attempt: str
    key: str
    args: dict[str, str | int | float]


FromUploads: TypeAlias = Sent | Stored | NotStored


class _Upload(msgspec.Struct, frozen=True):
    attempt: str
    number: int
    key: str
    painted: Painted


class Uploads:
    """Puts pictures into the store one after the other; what comes of it goes to `tell`, from a thread."""

    def __init__(self, store: PictureStore, link_seconds: float, tell: Callable[[FromUploads], None]) -> None:
        self._store = store
        self._link_seconds = link_seconds
        self._tell = tell
        self._waiting: queue.SimpleQueue[_Upload] = queue.SimpleQueue()
        self._given_up = ""
        threading.Thread(target=self._work, daemon=True, name="uploads").start()

    def put(self, attempt: str, number: int, key: str, painted: Painted) -> None:
        """Store a picture some time soon."""
        self._waiting.put(_Upload(attempt, number, key, painted))

    def give_up(self, attempt: str) -> None:
        """Store nothing more of an attempt that no longer counts."""
        self._given_up = attempt

    def _work(self) -> None:
        while True:
            upload = self._waiting.get()
            if upload.attempt != self._given_up:
                self._tell(self._store_one(upload))

    def _store_one(self, upload: _Upload) -> Stored | NotStored:
        failed: Problem = StoreUnavailable("store-unreachable")
        for tried in range(_TRIES):
            try:
                return self._try(upload)
            except KeyExists:
                return self._already_there(upload)
            except StoreUnavailable as problem:
                failed = problem
            if upload.attempt == self._given_up or tried + 1 == _TRIES:
                break
            time.sleep(_FIRST_PAUSE * 2**tried)
        return NotStored(upload.attempt, failed.key, failed.args_by_name)

    def _try(self, upload: _Upload) -> Stored:
        self._store.put(upload.key, upload.painted.png, lambda sent: self._tell(Sent(upload.attempt)))
        return self._stored(upload)

    def _already_there(self, upload: _Upload) -> Stored | NotStored:
        # The key holds a random attempt id: only an earlier try of ours, its answer lost, can have made it.
        if self._store.open(upload.key) == upload.painted.png:
            return self._stored(upload)
        return NotStored(upload.attempt, "store-key-exists", {"key": upload.key})

    def _stored(self, upload: _Upload) -> Stored:
        link = self._store.link(upload.key, self._link_seconds)
        return Stored(upload.attempt, upload.number, stored(upload.key, link, upload.painted))
