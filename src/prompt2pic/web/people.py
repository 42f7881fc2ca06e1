"""Who asks: an API key's name, a browser's signed cookie, or, on one's own machine, the `user` of a call."""

import base64
import binascii
import hashlib
import hmac
import uuid
from ipaddress import ip_address

from fastapi import Request, Response
from itsdangerous import BadSignature, Signer

from prompt2pic.core.errors import Refused
from prompt2pic.edge.person import Person
from prompt2pic.texts import LANGUAGES, nearest

COOKIE = "prompt2pic"
_COOKIE_AGE = 400 * 24 * 3600  # seconds; the longest that browsers keep one


class NotKnown(Refused):
    """Nobody may ask without a key here."""


class Caller(Person, frozen=True):
    """A person who calls over HTTP, from a browser that has our cookie or by code."""

    browser: bool = False


class People:
    """Tells who a call is from; `keys` are the callers' names by API key, empty where none are needed."""

    def __init__(self, secret: bytes, keys: dict[str, str]) -> None:
        self._keys = keys
        self._secret = secret
        self._signer = Signer(secret, salt="prompt2pic.person", digest_method=hashlib.sha256)

    def of(self, request: Request, user: str | None = None) -> Caller:
        """Return who a call is from. Raises NotKnown where a key is needed and none, or a wrong one, came."""
        language = language_of(request)
        if self._keys:
            return Caller(f"key:{self._caller(request)}", language)
        visitor = self._visitor(request)
        if visitor is not None and user is None:
            return Caller(f"web:{visitor}", language, browser=True)
        return Caller(f"user:{self._from(request)}{user or 'anonymous'}", language)

    def welcome(self, request: Request, response: Response) -> None:
        """Give a browser that has none the cookie that makes it a person. Raises NotKnown."""
        if self._keys:
            self._caller(request)
        elif self._visitor(request) is None:
            value = self._signer.sign(uuid.uuid4().hex).decode()
            response.set_cookie(COOKIE, value, max_age=_COOKIE_AGE, httponly=True, samesite="lax")

    def _from(self, request: Request) -> str:
        """Return what keeps callers of other machines apart: a name is no proof, and may be guessed."""
        address = request.client.host if request.client else ""
        if ip_address(address).is_loopback:
            return ""
        return hmac.digest(self._secret, address.encode(), "sha256").hex()[:12] + ":"

    def _visitor(self, request: Request) -> str | None:
        try:
            return self._signer.unsign(request.cookies.get(COOKIE, "")).decode()
        except BadSignature:
            return None

    def _caller(self, request: Request) -> str:
        given = _key_of(request.headers.get("authorization", "")).encode()
        found = [name for key, name in self._keys.items() if hmac.compare_digest(key.encode(), given)]
        if not found:
            raise NotKnown("key-wrong" if given else "key-missing")
        return found[0]


def language_of(request: Request) -> str:
    """Return the first language of ours that the call names, English where it names none."""
    named = request.headers.get("accept-language", "").split(",")
    tags = (tag.partition(";")[0].strip() for tag in named)
    return next((nearest(tag) for tag in tags if tag[:2].lower() in LANGUAGES), LANGUAGES[0])


def _key_of(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _password(value)
    return ""


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
