"""Structured logs: one event a line, never a secret, never a whole prompt above debug level."""

import json
import logging
import re
import sys
from collections.abc import Iterable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
PROMPTS = ("prompt", "negative")

_TELEGRAM_TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")


def configure_logs(
    level: str = "info", form: str = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send every log line of this process, also those of libraries, to `stream` (stderr) in one form.

    `form` is `console`, `json` or `auto`; each of `secrets` is masked wherever it stands. What is bound with
    `structlog.contextvars` is on every line of that thread or task.
    """
    out = stream or sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(console, secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a logger made before this call must follow it
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_prompts,
    ]


def _formatter(console: bool, secrets: Iterable[str]) -> logging.Formatter:
    finish: list[Processor]
    if console:
        finish = [structlog.dev.ConsoleRenderer(colors=False)]
    else:
        finish = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish, Masking(secrets)],
    )


def _hide_prompts(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Leave only the length of what people wrote."""
    for name in PROMPTS:
        if method != "debug" and isinstance(event.get(name), str):
            event[name] = f"{len(event[name])} characters"
    return event


class Masking:
    """The last step of a line: what is masked here can have come from anywhere, a traceback included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if secret for form in (secret, json.dumps(secret)[1:-1])}
        # The longest first: a secret may begin with another one.
        forms = [re.escape(secret) for secret in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*forms, _TELEGRAM_TOKEN.pattern]))

    def __call__(self, _logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
        return self._pattern.sub(MASK, str(line))
