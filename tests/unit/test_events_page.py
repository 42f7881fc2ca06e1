"""docs/events.md describes every field of every record."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from prompt2pic.core.events import Event, JobEvent, Picture
from prompt2pic.core.ports import Level, Model
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, SETTINGS, WORKERS
from prompt2pic.core.requests import Grown, Request
from prompt2pic.core.rules import Ban, Drain, Partitions, Preferences
from prompt2pic.core.workers import WorkerState

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
EVERY_RECORD = "Every record"
OF_A_JOB = "Every event of a job"
OF_AN_ATTEMPT = "Every event of an attempt"
PARTS = {Picture: "A picture", Model: "A model", Level: "A level"}
RECORDS = [*get_args(Event), Request, Grown, WorkerState, Drain, Partitions, Ban, Preferences]


def _sections() -> dict[str, set[str]]:
    """Return the fields of each section's table by its heading."""
    parts = re.split(r"^#+ (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        heading.strip("`"): set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }


def _fields(record: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(record)}


def _shared(record: type[msgspec.Struct]) -> set[str]:
    """Return the fields that a record of `results` has in common with others."""
    sections = _sections()
    shared = sections[EVERY_RECORD] - {"type"}
    if record in get_args(JobEvent):
        shared |= sections[OF_A_JOB]
    return shared | (sections[OF_AN_ATTEMPT] & _fields(record))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_of_a_record_is_described(record: Any) -> None:
    """A record's section has its fields, no more and no less, beside the shared ones."""
    section = _sections()[record.__struct_config__.tag]
    assert section | _shared(record) == _fields(record)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_of_a_part_is_described(part: Any) -> None:
    """What records are made of is described, too."""
    assert _sections()[PARTS[part]] == _fields(part)


def test_no_record_is_described_that_does_not_exist() -> None:
    """Each section between backquotes is a record of the code."""
    named = set(re.findall(r"^### `(\w+)`$", PAGE.read_text("utf-8"), flags=re.MULTILINE))
    assert named == {record.__struct_config__.tag for record in RECORDS}


def test_the_topics_are_those_of_the_page() -> None:
    """Other programs, and whoever makes the topics, know them by the names of the page's first table."""
    table = PAGE.read_text("utf-8").partition("| Topic |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `([a-z-]+)` \|", table, flags=re.MULTILINE)
    assert named == [REQUESTS, RESULTS, WORKERS, SETTINGS, DEAD_LETTERS]
