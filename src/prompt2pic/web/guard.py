"""Which requests are let in: our Host, no foreign Origin; and what browsers may do with answers."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders

from prompt2pic.core.errors import Refused

_LOCAL = {"localhost", "127.0.0.1", "[::1]"}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'"
)


class Foreign(Refused):
    """A request that another site, or a name that is not ours, made a browser send."""


class Guard:
    """Checks Host and Origin; `hosts` are the names this server answers to beside this machine's own."""

    def __init__(self, hosts: Iterable[str], public_url: str | None, *, any_host: bool) -> None:
        public = {urlsplit(public_url).hostname or ""} if public_url else set()
        self._hosts = _LOCAL | public | {host.lower() for host in hosts}
        self._origin = _origin(public_url) if public_url else None
        self._any_host = any_host

    def check(self, request: Request) -> None:
        """Raise Foreign unless the request is addressed to us and comes from our own page or no page."""
        host = request.headers.get("host", "")
        if not self._any_host and _name(host) not in self._hosts:
            raise Foreign("host-unknown", host=_name(host)[:100])
        origin = request.headers.get("origin")
        own = (f"http://{host}", f"https://{host}", self._origin)
        if request.method not in _SAFE and origin is not None and origin not in own:
            raise Foreign("origin-foreign", origin=origin[:100])

    def protect(self, request: Request, headers: MutableHeaders) -> None:
        """Tell browsers what an answer with these headers may not be used for."""
        docs = request.url.path.startswith(("/docs", "/redoc"))
        headers.setdefault("Content-Security-Policy", _DOCS_POLICY if docs else _POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")


def _name(host: str) -> str:
    name = host.lower()
    return name if name.endswith("]") else name.rpartition(":")[0] or name


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
