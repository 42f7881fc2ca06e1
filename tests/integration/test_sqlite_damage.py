"""A log's file that was cut, or of which bits were flipped: refused, or what it was, never anything else."""

import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.events import Cancelled, Token, encode_event
from prompt2pic.core.history import History
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import FRONTIER_GROUP, Reader
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.wiring import TOPICS
from tests.unit.samples import claimed, finished, picture

ASKED, LEDGER = Place(REQUESTS, 0), Place(RESULTS, 0)
PEOPLE = ("anna", "boris", "vera")
FILE, WAL = "log.sqlite3", "log.sqlite3-wal"
OPEN = ("waiting", "held")

Shown = dict[str, tuple[str, str, str, str]]


def shown(folder: Path) -> Shown:
    """Return, by job, what a reader makes of a log: whose, what was asked for, how it stands, its end."""
    histories: list[History] = []
    with closing(SqliteLog(folder / FILE, TOPICS)) as log:
        reader = Reader(log, from_frontier=True, rebuilt=lambda new: histories.append(History(new.queue)))
        with closing(reader):
            while not reader.ready:
                reader.pump(0.1)
    jobs = [job for person in PEOPLE for job in histories[-1].of(person)]
    bodies = [(job, job.request) for job in jobs if job.request is not None]
    return {job.id: (body.person, body.prompt, job.state, str(job.end)) for job, body in bodies}


def fill(log: SqliteLog) -> None:
    """Have three people ask, and some of their requests finished, cancelled or open."""
    for number in range(60):
        person, name = PEOPLE[number % 3], f"job {number}"
        body = Request(id=name, person=person, prompt=f"of {person}, {number}", seed=number)
        at = log.append(ASKED, name, encode_request(body))
        if number % 4 == 0:
            log.append(LEDGER, name, encode_event(Cancelled(request=name, at=at, by="person")))
        elif number % 4 < 3:
            token = Token(log.append(LEDGER, name, encode_event(claimed(name, at))), "a")
            end = finished(token, name, at, pictures=(picture(f"{name}/a/0.png"),))
            log.append(LEDGER, name, encode_event(end))
    log.commit(FRONTIER_GROUP, {ASKED: commit_of(Mark(Frontier(0, 0), 60, 60))})


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Shown]:
    """Return a folder with a log as a power cut leaves it, one with a log that was closed, and what they show."""
    cut, whole = (tmp_path_factory.mktemp(name) for name in ("cut", "whole"))
    with closing(SqliteLog(whole / FILE, TOPICS)) as log:
        fill(log)
        for name in (FILE, WAL):
            subprocess.run(["cp", whole / name, cut / name], check=True)
    return cut, whole, shown(whole)


hits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.booleans(), st.sampled_from([FILE, WAL]), hits, st.just(1.0) | st.floats(0, 1))
def test_damage_shows_nobody_what_is_not_theirs(
    logs: tuple[Path, Path, Shown],
    closed: bool,
    target: str,
    hits: list[tuple[float, int]],
    kept: float,
) -> None:
    """With a damaged file a log is refused, or everybody sees what they saw; with a damaged `-wal`, whose newest
    records may then be gone, everybody sees of it what they saw at an earlier time. (A file cut to nothing, with
    nothing beside it, is a new log: that is how one is made where somebody has touched the file before.)
    """
    cut, whole, before = logs
    target = FILE if closed else target
    with tempfile.TemporaryDirectory() as folder:
        for path in ((whole if closed else cut) / name for name in ([FILE] if closed else [FILE, WAL])):
            shutil.copy(path, folder)
        content = bytearray(Path(folder, target).read_bytes())
        for where, bit in hits:
            content[int(where * len(content))] ^= 1 << bit
        Path(folder, target).write_bytes(content[: max(1, round(kept * len(content)))])
        try:
            after = shown(Path(folder))
        except LogUnavailable as refused:
            event(refused.key)
            return
    event(f"{target} {'as it was' if after == before else 'earlier'}")
    if target == FILE:
        assert after == before
    for job, told in after.items():
        assert told == before[job] or (told[:2] == before[job][:2] and told[2] in OPEN)
