"""What every picture store does, whatever it is made of."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from prompt2pic.core.errors import KeyExists, PictureMissing, Problem
from prompt2pic.core.ports import PictureStore

Fetch = Callable[[str], bytes | None]


def new_key(number: int = 0) -> str:
    """Return a key that nobody has used."""
    return f"{uuid4()}/{uuid4().hex}/{number}.png"


async def streamed(store: PictureStore, key: str) -> list[bytes]:
    """Return the chunks of a picture."""
    return [chunk async for chunk in store.stream(key)]


class StoreSuite:
    """Inherit, and give the fixtures `store` and `fetch` (what a link leads to, None where it is refused)."""

    def test_round_trip(self, store: PictureStore) -> None:
        """What was put is what `open` and `stream` give, and `on_bytes` has heard of all of it."""
        key, data, heard = new_key(), os.urandom(100_000), list[int]()
        store.put(key, data, heard.append)
        assert store.open(key) == data
        assert b"".join(asyncio.run(streamed(store, key))) == data
        assert heard[-1] == len(data)

    def test_big_picture(self, store: PictureStore) -> None:
        """A picture of 8 MB goes in and comes out, streamed in several chunks."""
        key, data = new_key(), os.urandom(8 << 20)
        store.put(key, data)
        chunks = asyncio.run(streamed(store, key))
        assert len(chunks) > 1
        assert b"".join(chunks) == data == store.open(key)

    def test_create_only(self, store: PictureStore) -> None:
        """A second put under a key is refused and the first bytes stay."""
        key = new_key()
        store.put(key, b"first")
        with pytest.raises(KeyExists):
            store.put(key, b"second")
        assert store.open(key) == b"first"

    def test_repeat(self, store: PictureStore) -> None:
        """The same bytes again are the same put: whoever lost the answer may ask again."""
        key = new_key()
        store.put(key, b"first")
        store.put(key, b"first")
        assert store.open(key) == b"first"

    def test_race(self, store: PictureStore) -> None:
        """Of eight threads that put under one key one wins, and its bytes are what is stored."""
        key, rivals = new_key(), [bytes([number]) * 50_000 for number in range(8)]

        def wins(data: bytes) -> bool:
            try:
                store.put(key, data)
            except KeyExists:
                return False
            return True

        with ThreadPoolExecutor(len(rivals)) as threads:
            won = list(threads.map(wins, rivals))
        assert won.count(True) == 1
        assert store.open(key) == rivals[won.index(True)]

    def test_list(self, store: PictureStore) -> None:
        """`list` names every picture once, with its size and when it was stored."""
        before = time.time() * 1000
        keys = {new_key(number): number + 1 for number in range(20)}
        for key, size in keys.items():
            store.put(key, b"." * size)
        listed = [picture for picture in store.list() if picture.key in keys]
        assert {picture.key: picture.size for picture in listed} == keys
        assert len(listed) == len(keys)
        # S3 counts in whole seconds
        assert all(before - 1000 <= picture.stored <= time.time() * 1000 for picture in listed)

    def test_list_while_others_come_and_go(self, store: PictureStore) -> None:
        """A listing goes on, and names what stays, while other threads put and delete."""
        stays = {new_key(number) for number in range(10)}
        for key in stays:
            store.put(key, b"stays")

        def come_and_go() -> None:
            for _ in range(30):
                key = new_key()
                store.put(key, b"goes")
                store.delete(key)

        with ThreadPoolExecutor(4) as threads:
            busy = [threads.submit(come_and_go) for _ in range(4)]
            while not all(one.done() for one in busy):
                assert stays <= {picture.key for picture in store.list()}
            assert [one.result() for one in busy] == [None] * 4

    def test_delete(self, store: PictureStore) -> None:
        """What was deleted is missing and not listed; deleting it again is fine."""
        key = new_key()
        store.put(key, b"data")
        for _ in range(2):
            store.delete(key)
        with pytest.raises(PictureMissing):
            store.open(key)
        assert key not in {picture.key for picture in store.list()}

    def test_delete_one_of_two(self, store: PictureStore) -> None:
        """Deleting one picture of an attempt leaves the other."""
        first = new_key(0)
        second = first.replace("/0.png", "/1.png")
        store.put(first, b"first")
        store.put(second, b"second")
        store.delete(first)
        assert store.open(second) == b"second"

    def test_missing(self, store: PictureStore) -> None:
        """A picture that was never put is missing, to `stream` before its first chunk."""
        with pytest.raises(PictureMissing):
            store.open(new_key())
        with pytest.raises(PictureMissing):
            asyncio.run(streamed(store, new_key()))

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "0.png",
            "a/b/0.jpg",
            "a/b/c/0.png",
            "../b/0.png",
            "a/../0.png",
            "/a/b/0.png",
            "a//0.png",
            "a/b/0.png\n",
            "a/b%2f/0.png",
            "a/./0.png",
            "a/b/٣.png",
            f"{'a' * 65}/b/0.png",
        ],
    )
    def test_key_outside(self, store: PictureStore, key: str) -> None:
        """A key that is not `<request>/<attempt>/<n>.png` is refused by everything that takes a key."""
        for ask in (
            store.open,
            store.delete,
            lambda key: store.put(key, b""),
            lambda key: store.link(key, 60),
        ):
            with pytest.raises(Problem, match="picture-key"):
                ask(key)
        with pytest.raises(Problem, match="picture-key"):
            asyncio.run(streamed(store, key))

    def test_check(self, store: PictureStore) -> None:
        """A store that works passes its check, which leaves no picture behind."""
        before = {picture.key for picture in store.list()}
        store.check()
        assert {picture.key for picture in store.list()} == before

    def test_link(self, store: PictureStore, fetch: Fetch) -> None:
        """A link leads to the picture until it expires, and not after."""
        key = new_key()
        store.put(key, b"behind a link")
        link = store.link(key, 2)
        assert fetch(link) == b"behind a link"
        time.sleep(3.1)  # a link is made for whole seconds
        assert fetch(link) is None

    def test_link_for_long(self, store: PictureStore, fetch: Fetch) -> None:
        """A link for longer than S3 allows (a week) works all the same."""
        key = new_key()
        store.put(key, b"data")
        assert fetch(store.link(key, 30 * 24 * 3600)) == b"data"

    def test_link_altered(self, store: PictureStore, fetch: Fetch) -> None:
        """A link to which anything was changed, the picture, the end or the signature, is refused."""
        key, other = new_key(), new_key()
        store.put(key, b"data")
        store.put(other, b"another's")
        link = store.link(key, 60)
        assert fetch(link) == b"data"
        assert fetch(link.replace(key, other)) is None
        parts = urlsplit(link)
        for number, field in enumerate(fields := parts.query.split("&")):
            altered = field[:-1] + ("1" if field[-1] != "1" else "2")
            query = "&".join([*fields[:number], altered, *fields[number + 1 :]])
            assert fetch(urlunsplit(parts._replace(query=query))) is None, altered
