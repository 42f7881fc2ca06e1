"""The file of the embedded log: how it is laid out, opened and checked, and what its errors mean."""

import os
import random
import secrets
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.ports import Place
from prompt2pic.log.topics import TopicConfig

APPLICATION_ID = 0x70327063  # "p2pc"
SCHEMA_VERSION = 1
OFFSET_BITS = 40  # a record's position is its place's number, then its offset
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

SCHEMA = (
    "CREATE TABLE log (id TEXT NOT NULL)",
    "CREATE TABLE places (place INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    " earliest INTEGER NOT NULL, next INTEGER NOT NULL, timestamp INTEGER NOT NULL, UNIQUE (topic, partition))",
    "CREATE TABLE records (position INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL,"
    " timestamp INTEGER NOT NULL, compacted INTEGER NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE INDEX compacted_keys ON records (key) WHERE compacted = 1",
    'CREATE TABLE commits ("group" TEXT NOT NULL, place INTEGER NOT NULL, offset INTEGER NOT NULL,'
    ' metadata TEXT NOT NULL, PRIMARY KEY ("group", place)) WITHOUT ROWID',
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_KEYS = {
    sqlite3.SQLITE_BUSY: "log-file-locked",
    sqlite3.SQLITE_LOCKED: "log-file-locked",
    sqlite3.SQLITE_FULL: "log-disk-full",
    sqlite3.SQLITE_IOERR: "log-disk-error",
    sqlite3.SQLITE_READONLY: "log-file-not-writable",
    sqlite3.SQLITE_PERM: "log-file-not-writable",
    sqlite3.SQLITE_AUTH: "log-file-not-writable",
    sqlite3.SQLITE_CANTOPEN: "log-file-not-writable",
    sqlite3.SQLITE_NOTADB: "log-file-foreign",
    sqlite3.SQLITE_CORRUPT: "log-file-corrupt",
    sqlite3.SQLITE_CONSTRAINT: "log-file-corrupt",  # an offset that was to be new is taken
    sqlite3.SQLITE_NOTFOUND: "log-file-corrupt",
}


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, 0 where the error is Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def checksum(position: int, key: str, value: bytes, timestamp: int) -> int:
    """Return the checksum (CRC-32) kept beside a record: SQLite itself would not notice a flipped byte."""
    return zlib.crc32(value, zlib.crc32(f"{position} {timestamp} {key}".encode()))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into LogUnavailable."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise LogUnavailable("log-closed", path=str(path)) from error
    except sqlite3.Error as error:
        # Without a code it is Python that could not decode a text: some byte is not as it was written.
        key = _KEYS.get(code_of(error) or sqlite3.SQLITE_CORRUPT, "log-failed")
        raise LogUnavailable(key, path=str(path), reason=str(error)) from error


class Identity(NamedTuple):
    """Which file lies at a path now."""

    device: int
    inode: int


def identity(path: Path) -> Identity:
    """Return which file lies at the path. Raises LogUnavailable where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - asked at every append
    except OSError as error:
        raise LogUnavailable("log-file-missing", path=str(path), reason=str(error)) from error
    return Identity(stat.st_dev, stat.st_ino)


class OpenFile:
    """One connection to a log's file; `numbers` are the places' numbers in it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self.identity = identity(path)
        (self.log_id,) = connection.execute("SELECT id FROM log").fetchone()
        rows = connection.execute("SELECT topic, partition, place FROM places")
        self.numbers = {Place(topic, partition): number for topic, partition, number in rows}

    def replaced(self) -> bool:
        """Tell whether another file lies at the path by now. Raises LogUnavailable where none does."""
        return identity(self.path) != self.identity

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def open_file(
    path: Path,
    topics: Mapping[str, TopicConfig],
    *,
    patience: float,
    create: bool = False,
    nimble: bool = False,
) -> OpenFile:
    """Open a log's file, making it where `create` allows; `patience` is how long to wait for locks, in seconds.

    A `nimble` connection does not wait once it is open: `begin` does, and better.

    Raises LogUnavailable, with a key of its own for a file of another program, a corrupt one, a newer one,
    and one that can not be written.
    """
    _check_path(path, create)
    with told(path):
        connection = _connect(path, create, patience)
        try:
            _check_ours(connection, path)
            _prepare(connection, path, topics, patience)
            _check_sound(connection, path)
            if nimble:
                connection.execute("PRAGMA busy_timeout = 0")
            return OpenFile(connection, path)
        except BaseException:
            connection.close()
            raise


def _check_path(path: Path, create: bool) -> None:
    if not path.parent.is_dir():
        raise LogUnavailable("log-folder-missing", path=str(path), folder=str(path.parent))
    if path.is_dir():
        raise LogUnavailable("log-file-is-folder", path=str(path))
    if not create:
        identity(path)


def _connect(path: Path, create: bool, patience: float) -> sqlite3.Connection:
    uri = f"file:{quote(os.fspath(path))}?mode={'rwc' if create else 'rw'}"
    return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _is_blank(connection: sqlite3.Connection) -> bool:
    return (
        _number(connection, "PRAGMA application_id")
        == 0
        == _number(connection, "SELECT count(*) FROM sqlite_master")
    )


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    if _is_blank(connection):
        return
    if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise LogUnavailable("log-file-foreign", path=str(path))
    version = _number(connection, "PRAGMA user_version")
    if version != SCHEMA_VERSION:
        raise LogUnavailable("log-file-newer", path=str(path), version=version, supported=SCHEMA_VERSION)


def _prepare(
    connection: sqlite3.Connection, path: Path, topics: Mapping[str, TopicConfig], patience: float
) -> None:
    if _is_blank(connection):
        _create(connection, patience)
    if _mode_wal(connection, patience) != "wal":
        raise LogUnavailable("log-disk-unsuitable", path=str(path))
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # a plain fsync on macOS leaves data in the drive's cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a prompt past its retention is gone from the disk too
    connection.execute("PRAGMA cell_size_check = ON")
    _add_places(connection, topics, patience)


def _create(connection: sqlite3.Connection, patience: float) -> None:
    with transaction(connection, patience):
        if _is_blank(connection):  # another process may have been faster
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO log VALUES (?)", (secrets.token_hex(16),))


def _mode_wal(connection: sqlite3.Connection, patience: float) -> str:
    deadline = time.monotonic() + patience
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:  # SQLite does not wait for this lock itself
            _wait_or_raise(error, deadline)


def _add_places(connection: sqlite3.Connection, topics: Mapping[str, TopicConfig], patience: float) -> None:
    wanted = {(topic, number) for topic, config in topics.items() for number in range(config.partitions)}
    missing = wanted - set(connection.execute("SELECT topic, partition FROM places"))
    if missing:
        with transaction(connection, patience):
            connection.executemany(
                "INSERT OR IGNORE INTO places (topic, partition, earliest, next, timestamp)"
                " VALUES (?, ?, 0, 0, 0)",
                sorted(missing),
            )


def _check_sound(connection: sqlite3.Connection, path: Path) -> None:
    rows = connection.execute("SELECT place, earliest, next FROM places").fetchall()
    for place, earliest, following in rows:
        edges = "SELECT min(position), max(position) FROM records WHERE position >= ? AND position < ?"
        base = place << OFFSET_BITS
        low, high = connection.execute(edges, (base, base + (1 << OFFSET_BITS))).fetchone()
        if not earliest <= following or (
            low is not None and not earliest <= low - base <= high - base < following
        ):
            raise LogUnavailable("log-file-corrupt", path=str(path), reason="a place's bounds are wrong")


def _wait_or_raise(error: sqlite3.OperationalError, deadline: float) -> None:
    if code_of(error) not in BUSY or time.monotonic() >= deadline:
        raise error
    time.sleep(random.uniform(0.0001, 0.0006))  # seconds; about one append of another process


def begin(connection: sqlite3.Connection, patience: float) -> None:
    """Begin a writing transaction on a nimble connection, waiting up to `patience` seconds for others' ones.

    SQLite's own waiting backs off so far that a process could starve for a second beside three busy ones.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            _wait_or_raise(error, deadline)


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
