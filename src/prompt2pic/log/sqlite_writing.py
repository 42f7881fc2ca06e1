"""How a log's file is written: waiting for other processes, all or nothing, and what SQLite's errors mean."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prompt2pic.core.errors import LogUnavailable

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_KEYS = {
    sqlite3.SQLITE_BUSY: "log-file-locked",
    sqlite3.SQLITE_LOCKED: "log-file-locked",
    sqlite3.SQLITE_PROTOCOL: "log-file-locked",
    sqlite3.SQLITE_FULL: "log-disk-full",
    sqlite3.SQLITE_IOERR: "log-disk-error",
    sqlite3.SQLITE_READONLY: "log-file-not-writable",
    sqlite3.SQLITE_PERM: "log-file-not-writable",
    sqlite3.SQLITE_AUTH: "log-file-not-writable",
    sqlite3.SQLITE_CANTOPEN: "log-file-not-writable",
    sqlite3.SQLITE_NOTADB: "log-file-foreign",
    sqlite3.SQLITE_CORRUPT: "log-file-corrupt",
    sqlite3.SQLITE_CONSTRAINT: "log-file-corrupt",  # an offset that was to be new is taken
    sqlite3.SQLITE_ERROR: "log-file-corrupt",  # the statements are right, so a table of theirs is missing
}


def code_of(error: Exception) -> int:
    """Return SQLite's primary result code, 0 where the error is Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into LogUnavailable."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise LogUnavailable("log-closed", path=str(path)) from error
    except (sqlite3.Error, TypeError, UnicodeError) as error:
        # Without a code it is Python that could not read what it got: some byte is not as it was written.
        key = _KEYS.get(code_of(error) or sqlite3.SQLITE_CORRUPT, "log-failed")
        raise LogUnavailable(key, path=str(path), reason=str(error)) from error
    except OSError as error:
        raise LogUnavailable("log-file-not-writable", path=str(path), reason=str(error)) from error


def wait_or_raise(error: sqlite3.OperationalError, deadline: float) -> None:
    """Sleep for about one append of another process where a lock is in the way; else raise the error."""
    if code_of(error) not in _BUSY or time.monotonic() >= deadline:
        raise error
    time.sleep(random.uniform(0.0001, 0.0006))  # seconds


def begin(connection: sqlite3.Connection, patience: float) -> None:
    """Begin a writing transaction on a nimble connection; `patience` is the wait for others in seconds.

    SQLite's own waiting backs off so far that a process can starve for a second beside three busy ones.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            wait_or_raise(error, deadline)


@contextmanager
def transaction(connection: sqlite3.Connection, patience: float) -> Iterator[None]:
    """Write all or nothing. Raises sqlite3.Error."""
    begin(connection, patience)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.rollback()
        raise
