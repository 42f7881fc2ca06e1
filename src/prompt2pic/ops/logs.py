"""Structured logs: one event a line, never a secret, never a whole prompt above debug level."""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
PROMPTS = ("prompt", "negative")

_PLAIN = {str, int, float, bool, type(None), datetime}
_encode = msgspec.json.Encoder().encode
_encode_any = structlog.processors.JSONRenderer(ensure_ascii=False)
_TELEGRAM_TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
_LIKE_A_TOKEN = re.compile(r":[A-Za-z0-9_-]{30}")  # found, or not, in a tenth of the time


def configure_logs(
    level: str = "info", form: str = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send every log line of this process, also those of libraries, to `stream` (stderr) in one form.

    `form` is `console`, `json` or `auto`; each of `secrets` is masked wherever it stands. What is bound with
    `structlog.contextvars` is on every line of that thread or task.
    """
    out = stream or sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    finish = _finish(console, secrets)
    handler = logging.StreamHandler(out)
    handler.setFormatter(_of_libraries(finish))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _sign, _hide_prompts, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=partial(_Lines, out.write),
        cache_logger_on_first_use=True,  # one that was made before this call follows it, unless it was used
    )


class _Lines:
    """Where the lines of one logger go, each in one write.

    Past the standard library's logging, and structlog's own loggers, which take a lock and flush what is flushed.
    """

    def __init__(self, write: Callable[[str], object], name: str = "") -> None:
        self.name = name
        self._write = write

    def msg(self, line: str) -> None:
        # A stream that is full or closed: the work goes on, as it does with logging.
        try:  # noqa: SIM105 - which costs nothing, other than `suppress`
            self._write(line + "\n")
        except (OSError, ValueError):
            pass

    debug = info = warning = error = critical = msg


def _sign(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Say how grave it is, whose line it is and when."""
    event["level"] = method
    event["logger"] = logger.name
    event["timestamp"] = datetime.now(UTC)  # written out by whoever writes the line: that is cheaper
    return event


def _of_libraries(finish: Iterable[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide_prompts,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
    )


def _finish(console: bool, secrets: Iterable[str]) -> list[Processor]:
    if console:
        return [_dated, structlog.dev.ConsoleRenderer(colors=False), Masking(secrets)]
    return [_as_json, Masking(secrets)]


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Return a line; by the fast way unless there is something in it that must be shown as Python shows it."""
    if "exc_info" not in event and _PLAIN.issuperset(map(type, event.values())):
        with contextlib.suppress(ValueError, OverflowError):  # half a character, or a number beyond 64 bits
            return _encode(event).decode()
    event = structlog.processors.format_exc_info(logger, method, _dated(logger, method, event))
    return str(_encode_any(logger, method, event))


def _dated(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Write the time as msgspec does it."""
    if isinstance(event["timestamp"], datetime):
        event["timestamp"] = msgspec.to_builtins(event["timestamp"])
    return event


def _hide_prompts(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Leave only the length of what people wrote."""
    for name in PROMPTS if method != "debug" else ():
        if name in event and isinstance(event[name], str):
            event[name] = f"{len(event[name])} characters"
    return event


class Masking:
    """The last step of a line: what is masked here can have come from anywhere, a traceback included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if secret for form in (secret, *_in_json(secret))}
        # The longest first: a secret may begin with another one.
        self._secrets = sorted(known, key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
        masked = str(line)
        for secret in self._secrets:
            if secret in masked:
                masked = masked.replace(secret, MASK)
        return _TELEGRAM_TOKEN.sub(MASK, masked) if _LIKE_A_TOKEN.search(masked) else masked


def _in_json(secret: str) -> Iterator[str]:
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
