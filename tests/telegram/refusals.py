"""Answers that are no success, as the Bot API words them."""

from typing import Any


class Refusal(Exception):  # noqa: N818 - it is an answer like others, not an error of ours
    """The Bot API says no: `ok` is false, with a code and a description (#making-requests)."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        body = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(what: str, **parameters: Any) -> Refusal:
    """Return a 400."""
    return Refusal(400, f"Bad Request: {what}", **parameters)


def forbidden(what: str) -> Refusal:
    """Return a 403."""
    return Refusal(403, f"Forbidden: {what}")


def flood(seconds: int) -> Refusal:
    """Return a 429 (#responseparameters: seconds left to wait before the request can be repeated)."""
    return Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def required(value: Any, refusal: Refusal) -> Any:
    """Return the value, or refuse where there is none."""
    if value is None:
        raise refusal
    return value
