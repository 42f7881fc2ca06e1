"""Logs: one event a line, a request's id on lines about it, no secret and no prompt."""

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.ops.logs import configure_logs

TOKEN = "123456789:" + "Aa0_-" * 7


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line() -> None:
    """Where nobody watches, a line is JSON with event, level and time."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    structlog.get_logger("here").info("claimed", level_chosen="fast")
    (line,) = _lines(stream)
    assert (line["event"], line["level"], line["level_chosen"]) == ("claimed", "info", "fast")
    assert line["logger"] == "here"
    assert str(line["timestamp"]).endswith("Z")


def test_libraries_write_the_same_form() -> None:
    """A line of the standard library's logging is one of ours, with its arguments put in."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    logging.getLogger("library").warning("slow: %s s", 3)
    (line,) = _lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("slow: 3 s", "warning", "library")


def test_a_logger_made_before_follows() -> None:
    """Where lines go is decided when the first one is written, not when a module is imported."""
    early, stream = structlog.get_logger("early"), io.StringIO()
    configure_logs(stream=stream)
    early.warning("late by %s s", 3)
    (line,) = _lines(stream)
    assert (line["event"], line["logger"]) == ("late by 3 s", "early")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed")])
def test_a_line_that_can_not_be_written_harms_nobody(error: Exception) -> None:
    """A full disk or a closed stream loses the line, not the work that it tells of."""

    class Full(io.StringIO):
        def write(self, _line: str) -> int:
            raise error

    stream = Full()
    configure_logs(stream=stream)
    structlog.get_logger().info("lost")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("odd", [b"bytes", "half \ud800", 2**70, {1: ValueError("x")}, float("inf"), None])
def test_whatever_is_told_is_a_line_with_all_its_parts(odd: object) -> None:
    """What JSON has no word for is shown as Python shows it; the line is written, and dated, all the same."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    structlog.get_logger().info("odd", what=odd)
    (line,) = _lines(stream)
    assert line["event"] == "odd"
    assert "what" in line
    datetime.fromisoformat(str(line["timestamp"]))


def test_own_lines_and_those_of_libraries_are_dated_alike() -> None:
    """Time and zone are written in one form, whatever way a line took."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    structlog.get_logger().info("fast")
    structlog.get_logger().info("slow", what=b"x")
    logging.getLogger("library").info("theirs")
    shapes = {re.sub(r"\d", "0", str(line["timestamp"])) for line in _lines(stream)}
    assert shapes == {"0000-00-00T00:00:00.000000Z"}


def test_a_console_gets_readable_lines() -> None:
    """The console form is for eyes."""
    stream = io.StringIO()
    configure_logs(form="console", stream=stream)
    structlog.get_logger().info("ready", seconds=2)
    assert "ready" in stream.getvalue()
    assert "seconds=2" in stream.getvalue()


def test_a_request_is_named_on_every_line_about_it() -> None:
    """Where a request is bound each line carries its id, of libraries too; after it none."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    with structlog.contextvars.bound_contextvars(request="r1"):
        structlog.get_logger().info("one")
        logging.getLogger("library").info("two")
    structlog.get_logger().info("three")
    assert [line.get("request") for line in _lines(stream)] == ["r1", "r1", None]


def test_the_level_is_kept() -> None:
    """Below the level nothing is written."""
    stream = io.StringIO()
    configure_logs("warning", stream=stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert [line["event"] for line in _lines(stream)] == ["loud"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_is_masked_wherever_it_stands(form: str) -> None:
    """In the event, a field, a nested field, a key and a traceback there is *** instead."""
    stream = io.StringIO()
    configure_logs(form=form, secrets=["hush", 'hu"sh', ""], stream=stream)
    log = structlog.get_logger()
    log.info("key hush", key="hush", nested={"deep": ['hu"sh']}, hush=1)
    try:
        raise ValueError('hush hu"sh')
    except ValueError:
        log.exception("it broke")
    assert "hush" not in stream.getvalue()
    assert 'hu"sh' not in stream.getvalue()
    assert 'hu\\"sh' not in stream.getvalue()
    assert "***" in stream.getvalue()
    assert "it broke" in stream.getvalue()


@given(
    st.text(min_size=6).filter(lambda text: "*" not in text and text.isprintable())
    | st.from_regex(r"[a-f]{3}[ё\"\\\n\x1f\x7f]{1,4}[a-f]{3}", fullmatch=True)
)
def test_a_secret_of_any_letters_is_masked(secret: str) -> None:
    """However JSON writes a secret, it is not in the line: by the fast way, by the slow one, of a library."""
    stream = io.StringIO()
    configure_logs(secrets=[secret], stream=stream)
    structlog.get_logger().info("fast", key=f"({secret})")
    structlog.get_logger().info("slow", key=[f"({secret})"])
    logging.getLogger("library").info("(%s)", secret)
    fast, slow, theirs = _lines(stream)
    assert fast["key"] == "(***)"
    assert slow["key"] == ["(***)"]
    assert theirs["event"] == "(***)"


def test_a_telegram_token_is_masked_unasked() -> None:
    """An address of the Bot API in a library's line does not give the token away."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    logging.getLogger("http").info("POST https://api.telegram.org/bot%s/getMe", TOKEN)
    (line,) = _lines(stream)
    assert line["event"] == "POST https://api.telegram.org/bot***/getMe"


def test_a_prompt_is_only_written_at_debug() -> None:
    """What people wrote is told by its length; the whole of it only when debugging."""
    stream = io.StringIO()
    configure_logs("debug", stream=stream)
    structlog.get_logger().info("asked", prompt="a cat", negative="dogs")
    structlog.get_logger().debug("asked", prompt="a cat")
    told, debugged = _lines(stream)
    assert (told["prompt"], told["negative"]) == ("5 characters", "4 characters")
    assert debugged["prompt"] == "a cat"
