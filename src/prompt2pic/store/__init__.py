"""Where pictures live: a folder or any S3-compatible store, with links that expire."""

import re
from urllib.parse import unquote

from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import PictureStore
from prompt2pic.store.bucket import Bucket, S3Options
from prompt2pic.store.folder import Folder
from prompt2pic.store.links import Links
from prompt2pic.store.pictures import Pictures

__all__ = ["Links", "S3Options", "open_store"]

_BUCKET = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[\w-][\w.-]*)*)/?", re.ASCII
)


def open_store(url: str, *, secret: bytes, base_url: str, s3: S3Options | None = None) -> PictureStore:
    """Return the store at `file:///path` or `s3://bucket/prefix`; nothing is sent before the first use.

    `secret` signs the folder's links, which start with `base_url`; `s3` says how to reach a bucket. Raises
    Problem for a wrong address or option, StoreUnavailable for a folder that can not be made.
    """
    if url.startswith("s3://"):
        return Pictures(_bucket(url, s3))
    return Pictures(_folder(url, Links(secret, base_url)))


def _folder(url: str, links: Links) -> Folder:
    path = unquote(url.removeprefix("file://"))
    if not url.startswith("file:///") or path.strip("/") == "" or "\0" in path:
        raise Problem("store-url", url=_without_password(url))
    return Folder(path, links)


def _bucket(url: str, s3: S3Options | None) -> Bucket:
    parts = _BUCKET.fullmatch(url)
    if parts is None:
        raise Problem("store-url", url=_without_password(url))
    if s3 is None:
        raise Problem("store-s3-unset", place=url)
    return Bucket(parts["bucket"], parts["prefix"].strip("/"), s3)


def _without_password(url: str) -> str:
    return re.sub(r"//[^/]*@", "//…@", url)
