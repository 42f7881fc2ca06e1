"""The picture store in a real S3 server."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest

from prompt2pic.core.errors import Problem, StoreUnavailable
from prompt2pic.core.ports import PictureStore
from prompt2pic.store import S3Options, open_store
from tests.conformance.store_suite import Fetch, StoreSuite, new_key
from tests.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, SeaweedFS, seaweedfs
from tests.servers.strange_s3 import StrangeS3, strange_s3

SECRET = b"a secret of sixteen bytes or more"
BASE_URL = "http://127.0.0.1:8000"


def bucket_store(options: S3Options, bucket: str = "pictures") -> PictureStore:
    """Return the store in a bucket, below a prefix."""
    return open_store(f"s3://{bucket}/some/prefix", secret=SECRET, base_url=BASE_URL, s3=options)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A SeaweedFS with the bucket `pictures`."""
    with seaweedfs(tmp_path_factory.mktemp("weed")) as running:
        running.make_bucket("pictures")
        yield running


@pytest.fixture
def s3(server: SeaweedFS) -> S3Options:
    return S3Options(endpoint=server.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY)


@pytest.fixture
def strange() -> Iterator[StrangeS3]:
    with strange_s3() as running:
        yield running


class TestBucket(StoreSuite):
    """The suite, in a real S3 server."""

    @pytest.fixture
    def store(self, s3: S3Options) -> PictureStore:
        return bucket_store(s3)

    @pytest.fixture
    def fetch(self) -> Fetch:
        def follow(link: str) -> bytes | None:
            try:
                with urllib.request.urlopen(link, timeout=10) as answer:  # noqa: S310 - our own server
                    assert answer.headers["Content-Type"] == "image/png"
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in (400, 401, 403):
                    return None
                raise

        return follow


def test_bucket_missing(s3: S3Options) -> None:
    """Without its bucket the store is unavailable: no picture is called missing and no listing empty."""
    store = bucket_store(s3, "no-such-bucket")
    asks = (
        store.check,
        lambda: store.open(new_key()),
        lambda: list(store.list()),
        lambda: store.delete(new_key()),
    )
    for ask in asks:
        with pytest.raises(StoreUnavailable, match="store-no-bucket"):
            ask()


@pytest.mark.parametrize(("access_key", "secret_key"), [("wrong-one", SECRET_KEY), (ACCESS_KEY, "wrong-one")])
def test_bucket_credentials(s3: S3Options, access_key: str, secret_key: str) -> None:
    """Wrong credentials are told as such, without the secret."""
    store = bucket_store(replace(s3, access_key=access_key, secret_key=secret_key))
    for ask in (store.check, lambda: list(store.list())):
        with pytest.raises(StoreUnavailable, match="store-credentials") as caught:
            ask()
        assert "wrong-one" not in str(caught.value)
    assert SECRET_KEY not in repr(s3)


def test_bucket_refuses_connections(s3: S3Options) -> None:
    """A server that is down is told within seconds, not minutes."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="store-unreachable"):
        bucket_store(replace(s3, endpoint="http://127.0.0.1:1")).put(new_key(), b"data")
    assert time.monotonic() - began < 8


def test_bucket_never_answers(s3: S3Options) -> None:
    """A server that takes connections and says nothing is given up within the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = bucket_store(replace(s3, endpoint=endpoint, timeout=1.5))
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="store-slow"):
            store.put(new_key(), b"data")
        with pytest.raises(StoreUnavailable, match="store-slow"):
            store.open(new_key())
        assert time.monotonic() - began < 2 * 1.5 + 1


def test_bucket_environment(s3: S3Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables meant for other programs (AWS_...) change nothing."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody-else")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    bucket_store(s3).check()


def test_bucket_without_conditions(s3: S3Options) -> None:
    """Where a store knows no conditional writes, a look before the put keeps the first bytes."""
    store, key = bucket_store(replace(s3, conditional_writes=False)), new_key()
    store.check()
    store.put(key, b"first")
    with pytest.raises(Problem, match="picture-exists"):
        store.put(key, b"second")
    assert store.open(key) == b"first"


def test_bucket_that_overwrites(strange: StrangeS3) -> None:
    """The check finds a store that ignores the condition of a put."""
    strange.ignores_conditions = True
    with pytest.raises(StoreUnavailable, match="store-overwrites"):
        bucket_store(strange.options).check()
    assert strange.objects == {}


def test_bucket_lost_answer(strange: StrangeS3) -> None:
    """A put whose answer was lost on the way is known as ours when it is repeated."""
    store, key = bucket_store(strange.options), new_key()
    strange.loses_answers = 1
    store.put(key, b"data")
    assert store.open(key) == b"data"
    assert strange.loses_answers == 0


def test_bucket_other_server(strange: StrangeS3) -> None:
    """Something that is no S3 store and answers 404 to all makes no picture missing."""
    strange.is_no_s3 = True
    with pytest.raises(StoreUnavailable, match=r"store-answer.*404"):
        bucket_store(strange.options).open(new_key())


def test_bucket_addresses(s3: S3Options) -> None:
    """The bucket stands in the host name where that is asked for; links start with the public endpoint."""
    options = replace(s3, endpoint="https://s3.cloud.ru/", path_style=False)
    assert (
        bucket_store(options)
        .link("a/b/0.png", 60)
        .startswith("https://pictures.s3.cloud.ru/some/prefix/a/b/0")
    )
    options = replace(s3, endpoint=None, region="eu-north-1", path_style=False)
    assert (
        bucket_store(options)
        .link("a/b/0.png", 60)
        .startswith("https://pictures.s3.eu-north-1.amazonaws.com/")
    )
    options = replace(s3, public_endpoint="https://pictures.example.org:8443")
    link = bucket_store(options).link("a/b/0.png", 60)
    assert link.startswith("https://pictures.example.org:8443/pictures/some/prefix/a/b/0.png?")


@pytest.mark.parametrize(
    "endpoint", ["", "host", "host:9000", "ftp://host", "http://", "http://h/path", "http://a b"]
)
def test_wrong_endpoint(endpoint: str) -> None:
    """A wrong endpoint is told when the store is opened."""
    with pytest.raises(Problem, match="store-endpoint"):
        bucket_store(S3Options(endpoint=endpoint, access_key="key", secret_key="secret"))


@pytest.mark.parametrize("credential", ["", "with space", "line\n", "ключ"])
def test_wrong_credential(credential: str) -> None:
    """A credential that no header can carry is told when the store is opened."""
    with pytest.raises(Problem, match="store-s3-unset"):
        bucket_store(S3Options(endpoint="http://host", access_key=credential, secret_key="secret"))
