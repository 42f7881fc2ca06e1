"""What a setting's value must look like; why one is wrong is a word that `texts` knows."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import unquote

from pydantic import AfterValidator, SecretStr
from pydantic_core import PydanticCustomError


def wrong(why: str) -> PydanticCustomError:
    """Return the error of a value that breaks one of our own rules."""
    return PydanticCustomError("setting", "{why}", {"why": why})


def lower(value: object) -> object:
    """Return a word in lower case, so that INFO is info."""
    return value.lower() if isinstance(value, str) else value


def words(value: object) -> object:
    """Return words divided by commas as a tuple."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def starts(why: str, *starts: str) -> AfterValidator:
    """Return the rule that an address has one of these starts and something behind it."""

    def check(value: str) -> str:
        if not any(value.startswith(start) and len(value) > len(start) for start in starts):
            raise wrong(why)
        return value.rstrip("/")

    return AfterValidator(check)


def topic_prefix(value: str) -> str:
    """Return the beginning of topics' names if Kafka allows it."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", value):
        raise wrong("topic-prefix")
    return value


def painter(value: str) -> str:
    """Return the painter's address if it is one."""
    kind, _, rest = value.partition(":")
    if kind == "stub":
        if not _is_seconds(rest):
            raise wrong("painter-stub")
    elif kind not in {"wuerstchen", "sd"} or not (rest or value == "wuerstchen"):
        raise wrong("painter")
    return value


def _is_seconds(text: str) -> bool:
    try:
        return 0 <= float(text) < float("inf")
    except ValueError:
        return False


def caller_keys(value: SecretStr) -> SecretStr:
    """Return the keys if they can be read."""
    names_by_key(value)
    return value


def names_by_key(keys: SecretStr) -> dict[str, str]:
    """Return the name of each caller by key, from `name:key,...` or `@file` with one a line."""
    text = keys.get_secret_value()
    lines = _key_file(text[1:]) if text.startswith("@") else text.split(",")
    pairs = [
        line.strip().partition(":") for line in lines if line.strip() and not line.strip().startswith("#")
    ]
    names = {key.strip(): name.strip() for name, _, key in pairs}
    if not pairs or not all(names) or not all(names.values()):
        raise wrong("keys")
    if len(names) < len(pairs):
        raise wrong("keys-twice")
    return names


def _key_file(path: str) -> list[str]:
    try:
        return Path(path).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise wrong("keys-file") from None


def path_of(address: str, scheme: str) -> Path | None:
    """Return the path of a `scheme:///path` address, None where it has another scheme."""
    if not address.startswith(scheme):
        return None
    return Path("/" + unquote(address.removeprefix(scheme)).lstrip("/"))


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach what listens at `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
