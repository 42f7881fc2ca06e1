"""Pictures behind obstore: the same code for a folder and for S3."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, Protocol
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from prompt2pic.core.errors import KeyExists, PictureMissing, Problem, StoreUnavailable
from prompt2pic.core.ports import StoredPicture

_KEY = re.compile(r"[\w-]{1,64}/[\w-]{1,64}/\d{1,4}\.png", re.ASCII)
_CHUNK = 1 << 20  # bytes


class Home(Protocol):
    """What differs between a folder and a bucket.

    `create_only` says whether it can itself refuse a second put under one key.
    """

    name: str
    create_only: bool

    @property
    def objects(self) -> LocalStore | S3Store:
        """Return the files as obstore sees them."""

    def settle(self, key: str) -> None:
        """Make what was just put durable. Raises StoreUnavailable, and then nothing is left of it."""

    def link(self, key: str, seconds: float) -> str:
        """Return a signed address that expires after `seconds`."""

    def explain(self, error: Exception, key: str) -> Problem:
        """Return what an error of obstore means: PictureMissing or StoreUnavailable."""


class Pictures:
    """Stores pictures in their home; safe to use from several threads."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def put(self, key: str, data: bytes, on_bytes: Callable[[int], None] = lambda _: None) -> None:
        """Store a picture durably under a new key; the same bytes again are the same put.

        `on_bytes` hears of them once, at the end: obstore can not create only and send in parts. Raises
        KeyExists, StoreUnavailable.
        """
        try:
            self._create(_checked(key), data)
        except KeyExists:
            if not self._is_ours(key, data):
                raise
        self._home.settle(key)
        on_bytes(len(data))

    def open(self, key: str) -> bytes:
        """Return a picture's bytes. Raises PictureMissing, StoreUnavailable."""
        return self._read(_checked(key))

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield a picture's bytes in chunks. Raises PictureMissing, StoreUnavailable before the first.

        Each chunk is fetched by itself: a slow reader holds no connection and runs into no timeout.
        """
        with self._told(_checked(key)):
            answer = await obstore.get_async(self._home.objects, key, options={"range": (0, _CHUNK)})
            first, size = bytes(await answer.bytes_async()), answer.meta["size"]
        yield first
        for start in range(_CHUNK, size, _CHUNK):
            end = min(start + _CHUNK, size)
            with self._told(key):
                chunk = await obstore.get_range_async(self._home.objects, key, start=start, end=end)
            yield bytes(chunk)

    def link(self, key: str, seconds: float) -> str:
        """Return a signed address of the picture that expires after `seconds`."""
        return self._home.link(_checked(key), seconds)

    def list(self) -> Iterator[StoredPicture]:
        """Iterate over all pictures; other files that lie there are none of ours and stay unnamed."""
        with self._told(""):
            for batch in obstore.list(self._home.objects, chunk_size=1000):
                for found in batch:
                    if _KEY.fullmatch(found["path"]):
                        stored = int(found["last_modified"].timestamp() * 1000)
                        yield StoredPicture(found["path"], found["size"], stored)

    def delete(self, key: str) -> None:
        """Delete a picture; one that is gone already is fine. Raises StoreUnavailable."""
        self._remove(_checked(key))

    def check(self) -> None:
        """Prove that the store can be written once and read. Raises StoreUnavailable."""
        probe = f"probe-{uuid4().hex}"
        self._create(probe, b"first")
        try:
            self._prove(probe)
        finally:
            self._remove(probe)

    def _prove(self, probe: str) -> None:
        self._home.settle(probe)
        with suppress(KeyExists):
            self._create(probe, b"second")
            raise StoreUnavailable("store-overwrites", place=self._home.name)
        if self._read(probe) != b"first":
            raise StoreUnavailable("store-differs", place=self._home.name)

    def _create(self, key: str, data: bytes) -> None:
        if not self._home.create_only and self._holds(key):
            raise KeyExists("picture-exists", picture=key)
        mode: Literal["create", "overwrite"] = "create" if self._home.create_only else "overwrite"
        with self._told(key):
            obstore.put(self._home.objects, key, data, mode=mode, use_multipart=False)

    def _is_ours(self, key: str, data: bytes) -> bool:
        """Return whether the bytes are there: a put whose answer was lost is repeated, and then refused."""
        try:
            return self._read(key) == data
        except (
            PictureMissing
        ) as missing:  # S3 refuses so (409) when a put and a delete met: nothing was written
            raise StoreUnavailable("store-conflict", place=self._home.name) from missing

    def _holds(self, key: str) -> bool:
        try:
            return bool(self._read(key))
        except PictureMissing:
            return False

    def _read(self, key: str) -> bytes:
        with self._told(key):
            return bytes(obstore.get(self._home.objects, key).bytes())

    def _remove(self, key: str) -> None:
        with suppress(PictureMissing), self._told(key):
            obstore.delete(self._home.objects, key)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Turn what obstore raises into what the port promises."""
        try:
            yield
        except AlreadyExistsError as error:
            raise KeyExists("picture-exists", picture=key) from error
        except (BaseError, OSError) as error:
            raise self._home.explain(error, key) from error


def _checked(key: str) -> str:
    """Return a well-formed key; any other names no picture, and none outside the store."""
    if not _KEY.fullmatch(key):
        raise PictureMissing("picture-key", picture=key)
    return key
