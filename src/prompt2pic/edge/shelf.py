"""Jobs that are over and old, on disk: a local projection of the log that may be thrown away at any time."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import structlog

from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark

_VERSION = 4  # of the layout and of what a job is made of; another one is thrown away
_LAYOUT = """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY, partition INTEGER NOT NULL, at INTEGER NOT NULL, person TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX jobs_of ON jobs (person, partition, at);
    CREATE TABLE frontiers (
        partition INTEGER PRIMARY KEY, requests INTEGER NOT NULL, results INTEGER NOT NULL, number INTEGER NOT NULL
    );
    CREATE TABLE read (partition INTEGER PRIMARY KEY, requests INTEGER NOT NULL, results INTEGER NOT NULL);
    CREATE TABLE log (identity TEXT NOT NULL);
"""

_log = structlog.get_logger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


class Shelf:
    """Holds every job before the frontiers it is stored with; `identity` names the log it was made from.

    Where the file can not be used the shelf is in memory: it is then filled anew at each start.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self._connection = _opened(path, identity)

    def frontiers(self) -> dict[int, Frontier]:
        """Return the frontier of each partition up to which the shelf is complete; empty where it is new."""
        rows = self._connection.execute("SELECT partition, requests, results, number FROM frontiers")
        return {partition: Frontier(*frontier) for partition, *frontier in rows}

    def marks(self) -> dict[int, Mark]:
        """Return the frontiers with how far their reader had read."""
        rows = self._connection.execute("SELECT partition, requests, results FROM read")
        frontiers = self.frontiers()
        return {n: Mark(frontiers[n], *ends) for n, *ends in rows if n in frontiers}

    def note_read(self, marks: Mapping[int, Mark]) -> None:
        """Store how far was read, before what comes of it is put here."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO read VALUES (?, ?, ?)",
                [(partition, mark.requests_read, mark.results_read) for partition, mark in marks.items()],
            )

    def put(self, jobs: Iterable[Job], frontiers: Mapping[int, Frontier]) -> None:
        """Store jobs, and that everything before these frontiers is stored."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?)", map(_row, jobs)
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO frontiers VALUES (?, ?, ?, ?)",
                [(partition, *frontier) for partition, frontier in frontiers.items()],
            )

    def job(self, request: str) -> Job | None:
        """Return a job by its id, None where it is not here."""
        row = self._connection.execute("SELECT body FROM jobs WHERE id = ?", (request,)).fetchone()
        return _decoder.decode(row[0]) if row else None

    def of(self, person: str, partition: int) -> Iterator[Job]:
        """Iterate over a person's jobs of a partition, newest first: in the order of the log, as clocks may go back."""
        query = "SELECT body FROM jobs WHERE person = ? AND partition = ? ORDER BY at DESC"
        for (body,) in self._connection.execute(query, (person, partition)):
            yield _decoder.decode(body)

    def drop(self, request: str) -> None:
        """Delete a job that was erased."""
        with self._connection:
            self._connection.execute("DELETE FROM jobs WHERE id = ?", (request,))

    def keep(self, frontiers: Mapping[int, Frontier]) -> None:
        """Throw away what does not reach to these frontiers, at which a reader starts."""
        short = [(n,) for n, frontier in self.frontiers().items() if frontiers.get(n) != frontier]
        with self._connection:
            for table in ("jobs", "frontiers", "read"):
                self._connection.executemany(f"DELETE FROM {table} WHERE partition = ?", short)  # noqa: S608

    def clear(self, identity: str) -> None:
        """Throw everything away: the log is another one now, or lost what this was made from."""
        with self._connection:
            self._connection.execute("DELETE FROM jobs")
            self._connection.execute("DELETE FROM frontiers")
            self._connection.execute("DELETE FROM read")
            self._connection.execute("UPDATE log SET identity = ?", (identity,))

    def close(self) -> None:
        """Release the file."""
        self._connection.close()


def _row(job: Job) -> tuple[str, int, int, str, bytes]:
    person = job.request.person if job.request else ""
    return job.id, job.partition, job.at, person, _encoder.encode(job)


def _opened(path: Path, identity: str) -> sqlite3.Connection:
    for attempt in (_existing, _fresh):
        with contextlib.suppress(sqlite3.Error, OSError):
            return attempt(path, identity)
    _log.warning("shelf-in-memory", path=str(path))
    return _laid_out(sqlite3.connect(":memory:"), identity)


def _existing(path: Path, identity: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        _configure(connection)
        made_from = connection.execute("SELECT identity FROM log").fetchone()
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION or made_from != (identity,):
            raise sqlite3.DatabaseError("made by another program, or from another log")
    except BaseException:
        connection.close()  # it would keep the file locked
        raise
    return connection


def _fresh(path: Path, identity: str) -> sqlite3.Connection:
    if _in_use(path):
        raise BlockingIOError(f"another process has {path}")
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
    _configure(connection)
    return _laid_out(connection, identity)


def _in_use(path: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            connection.rollback()
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:  # damaged, or no database at all
        return False
    return False


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA secure_delete = ON")  # what was erased is gone from the file, too
    connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read from the log again


def _laid_out(connection: sqlite3.Connection, identity: str) -> sqlite3.Connection:
    connection.executescript(_LAYOUT)
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    with connection:
        connection.execute("INSERT INTO log VALUES (?)", (identity,))
    return connection
