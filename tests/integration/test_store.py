"""The picture store in a folder, and its addresses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from prompt2pic.core.errors import Problem, StoreUnavailable
from prompt2pic.core.ports import PictureStore
from prompt2pic.store import Links, open_store
from tests.conformance.store_suite import Fetch, StoreSuite, new_key

SECRET = b"a secret of sixteen bytes or more"
BASE_URL = "http://127.0.0.1:8000"


def folder_store(path: Path) -> PictureStore:
    """Return the store in a folder."""
    return open_store(path.as_uri(), secret=SECRET, base_url=BASE_URL)


class TestFolder(StoreSuite):
    """The suite, in a folder whose name needs quoting."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> PictureStore:
        return folder_store(tmp_path / "новая папка #1" / "pictures")

    @pytest.fixture
    def fetch(self, store: PictureStore) -> Fetch:
        links = Links(SECRET, BASE_URL)

        def follow(link: str) -> bytes | None:
            address = urlsplit(link)
            key = address.path.removeprefix("/pictures/")
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            genuine = links.verify(key, int(asked["expires"]), asked["signature"], time.time())
            return store.open(key) if genuine else None

        return follow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a disk that is full needs a small tmpfs, and only root may mount one")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@contextmanager
def unable_to_write(folder: Path) -> Iterator[None]:
    """Take from this process the right to write into `folder`."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    if root:  # whom modes do not stop
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_folder_settles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A put ends only when the file and each folder from it up to the store are synced to the disk."""
    synced, fsync = list[str](), os.fsync

    def heard(handle: int) -> None:
        fsync(handle)
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))

    monkeypatch.setattr(os, "fsync", heard)
    folder_store(tmp_path).put("a/b/0.png", b"data")
    assert synced == [str(tmp_path / name) for name in ("a/b/0.png", "a/b", "a", "")]


def test_folder_quoted(tmp_path: Path) -> None:
    """A folder's address may be quoted or not: both name the same folder."""
    store = open_store(f"file://{tmp_path}/my%20pictures", secret=SECRET, base_url=BASE_URL)
    store.put("a/b/0.png", b"data")
    plain = open_store(f"file://{tmp_path}/my pictures", secret=SECRET, base_url=BASE_URL)
    assert plain.open("a/b/0.png") == b"data"


def test_folder_after_kill(tmp_path: Path) -> None:
    """After `kill -9` in the middle of puts all that was put is there, and what is listed is whole."""
    program = f"""
from tests.integration.test_store import *
store, data = folder_store(Path({str(tmp_path)!r})), b"." * 1_000_000
while True:
    key = new_key()
    store.put(key, data)
    print(key, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        done = [child.stdout.readline() for _ in range(5)]
        child.send_signal(signal.SIGKILL)
        done += child.stdout.readlines()
    listed = {picture.key: picture.size for picture in folder_store(tmp_path).list()}
    assert {key.strip() for key in done} <= listed.keys()
    assert set(listed.values()) == {1_000_000}


def test_folder_foreign_files(tmp_path: Path) -> None:
    """Files of others in the folder are not listed, so that no sweep deletes them."""
    store = folder_store(tmp_path)
    for name in ("holiday.png", "a/holiday.png", "a/b/notes.txt", "a/b/c/0.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    assert list(store.list()) == []


def test_folder_leaves_no_empty_folders(tmp_path: Path) -> None:
    """When the last picture of a request is deleted its folders go too."""
    store = folder_store(tmp_path)
    store.put("a/b/0.png", b"data")
    store.delete("a/b/0.png")
    assert list(tmp_path.iterdir()) == []


def test_folder_is_a_file(tmp_path: Path) -> None:
    """A file where the folder should be is told at once."""
    (tmp_path / "pictures").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="store-no-folder"):
        folder_store(tmp_path / "pictures")
    with pytest.raises(StoreUnavailable, match="store-no-folder"):
        folder_store(tmp_path / "pictures" / "below")


def test_folder_read_only(tmp_path: Path) -> None:
    """In a folder that may not be written the check and a put fail and say so."""
    store = folder_store(tmp_path)
    with unable_to_write(tmp_path):
        with pytest.raises(StoreUnavailable, match="store-read-only"):
            store.check()
        with pytest.raises(StoreUnavailable, match="store-read-only"):
            store.put(new_key(), b"data")
        with pytest.raises(StoreUnavailable, match="store-read-only"):
            folder_store(tmp_path / "new")


def test_folder_full(small_disk: Path) -> None:
    """On a full disk a put fails, says so and leaves nothing; when there is room again it succeeds."""
    store, key = folder_store(small_disk), new_key()
    (small_disk / "ballast").write_bytes(b"." * 900_000)
    with pytest.raises(StoreUnavailable, match="store-full"):
        store.put(key, b"." * 500_000)
    assert not [file for file in small_disk.rglob("*") if file.is_file() and file.name != "ballast"]
    (small_disk / "ballast").unlink()
    store.put(key, b"." * 500_000)
    assert len(store.open(key)) == 500_000


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", "store-url"),
        ("/srv/pictures", "store-url"),
        ("file://", "store-url"),
        ("file:///", "store-url"),
        ("file://pictures", "store-url"),
        ("ftp://host/pictures", "store-url"),
        ("s3://", "store-url"),
        ("s3://B", "store-url"),
        ("s3://bucket/../other", "store-url"),
        ("s3://bucket?x=1", "store-url"),
        ("s3://[bucket", "store-url"),
        ("s3://key:hunter2@bucket", "store-url"),
        ("s3://bucket/prefix", "store-s3-unset"),
    ],
)
def test_wrong_address(url: str, key: str) -> None:
    """A wrong address is told by its key, without a password that stands in it."""
    with pytest.raises(Problem) as caught:
        open_store(url, secret=SECRET, base_url=BASE_URL)
    assert caught.value.key == key
    assert "hunter2" not in str(caught.value)


def test_signature_of_strangers() -> None:
    """A signature with any letters, or made with another secret, is refused without an error."""
    links = Links(SECRET, BASE_URL)
    assert links.verify("a/b/0.png", 60, links.sign("a/b/0.png", 60), now=59.9)
    assert not links.verify("a/b/0.png", 60, links.sign("a/b/0.png", 60), now=60)
    for signature in ("", "подпись", "0" * 64, Links(SECRET[::-1], BASE_URL).sign("a/b/0.png", 60)):
        assert not links.verify("a/b/0.png", 60, signature, now=0)


def test_short_secret() -> None:
    """Links are not signed with a secret that can be guessed."""
    with pytest.raises(ValueError, match="16 bytes"):
        Links(b"short", BASE_URL)
