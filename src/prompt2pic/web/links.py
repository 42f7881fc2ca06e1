"""Addresses of pictures that this process serves, signed and short-lived."""

import time
from typing import Protocol

from fastapi import Request

_LIFE = 24 * 3600  # seconds a link is good for at the least
_ROUND = 3600  # seconds: links of one hour are the same, so that browsers cache the picture


class Signs(Protocol):
    """Makes and checks signatures of keys."""

    def sign(self, key: str, expires: int) -> str:
        """Return the signature; `expires` in seconds since the epoch."""

    def verify(self, key: str, expires: int, signature: str, now: float) -> bool:
        """Return whether the signature is ours and has not expired at `now`."""


class PictureLinks:
    """Signed addresses under `/pictures/`."""

    def __init__(self, signs: Signs, public_url: str | None) -> None:
        self._signs = signs
        self._public_url = public_url

    def address(self, key: str, request: Request, *, relative: bool) -> str:
        """Return a picture's address: relative for the page, absolute for callers from elsewhere."""
        expires = (int(time.time()) // _ROUND + 1) * _ROUND + _LIFE
        path = f"/pictures/{key}?expires={expires}&signature={self._signs.sign(key, expires)}"
        base = "" if relative else (self._public_url or str(request.base_url)).rstrip("/")
        return base + path

    def valid(self, key: str, expires: int, signature: str) -> bool:
        """Whether a picture may be shown to whoever came with this signature."""
        return self._signs.verify(key, expires, signature, time.time())
