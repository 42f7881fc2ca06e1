"""The file of the embedded log: how it is laid out, made, opened and checked."""

import errno
import fcntl
import os
import secrets
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.ports import Place
from prompt2pic.log.sqlite_writing import told, transaction, wait_or_raise
from prompt2pic.log.topics import TopicConfig

APPLICATION_ID = 0x70327063  # "p2pc"
SCHEMA_VERSION = 1
_EFFECTIVE = os.access in os.supports_effective_ids  # whom we act as, where the system can be asked that
OFFSET_BITS = 40  # a record's position is its place's number, then its offset
LAST_POSITION = (1 << 63) - 1

_SCHEMA = (
    "CREATE TABLE log (id TEXT NOT NULL)",
    "CREATE TABLE places (place INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    " earliest INTEGER NOT NULL, next INTEGER NOT NULL, timestamp INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL)",  # no index: reads would use it, and nothing guards its bytes
    "CREATE TABLE records (position INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL,"
    " timestamp INTEGER NOT NULL, compacted INTEGER NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE INDEX compacted_keys ON records (key) WHERE compacted = 1",
    'CREATE TABLE commits ("group" TEXT NOT NULL, place INTEGER NOT NULL, offset INTEGER NOT NULL,'
    ' metadata TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY ("group", place)) WITHOUT ROWID',
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # a plain fsync on macOS leaves the data in the drive's cache
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA secure_delete = ON",  # a prompt past its retention is gone from the disk too
    "PRAGMA cell_size_check = ON",
)
_PLACES = "SELECT place, earliest, next, topic, partition, checksum FROM places ORDER BY place"
_ADD_PLACE = "INSERT INTO places VALUES (?, ?, ?, 0, 0, 0, ?)"
_EDGES = (  # two queries: in one, min and max together read everything between them
    "SELECT (SELECT min(position) FROM records WHERE position >= ?1 AND position < ?2),"
    " (SELECT max(position) FROM records WHERE position >= ?1 AND position < ?2)"
)


def checksum(number: int, text: str, data: bytes, other: int) -> int:
    """Return the checksum (CRC-32) kept in each row: SQLite itself would not notice a flipped byte."""
    return zlib.crc32(data, zlib.crc32(f"{number} {other} {text}".encode()))


class OpenFile:
    """One connection to a log's file; `numbers` are the places' numbers in it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        (self.log_id,) = connection.execute("SELECT id FROM log").fetchone()
        rows = connection.execute("SELECT topic, partition, place FROM places")
        self.numbers = {Place(topic, partition): number for topic, partition, number in rows}
        self._inode = _inode(path)
        self._wal_inode: tuple[int, int] | None = _inode(_beside(path, "-wal"))

    def replaced(self) -> bool:
        """Tell whether another file lies at the path by now. Raises LogUnavailable where none does."""
        if _inode(self.path) == self._inode:
            return False
        self._remove_strays()
        return True

    def _remove_strays(self) -> None:
        """Remove what the old file left beside the new one: SQLite would take it for the new one's."""
        with _alone(self.path.parent), suppress(LogUnavailable):
            if self._wal_inode == _inode(_beside(self.path, "-wal")):
                _remove_wal(self.path)
        self._wal_inode = None  # once closed, a new file may get the number

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def _inode(path: Path) -> tuple[int, int]:
    try:
        stat = os.stat(path)  # noqa: PTH116 - asked at every append
    except OSError as error:
        raise LogUnavailable("log-file-missing", path=str(path)) from error
    return stat.st_dev, stat.st_ino


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove_wal(path: Path) -> None:
    for ending in ("-wal", "-shm"):
        _beside(path, ending).unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep out other processes that make or replace a log in the same folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def open_file(
    path: Path,
    topics: Mapping[str, TopicConfig],
    *,
    patience: float,
    create: bool = False,
    nimble: bool = False,
) -> OpenFile:
    """Open a log's file, making it where `create` allows; `patience` is the wait for locks in seconds.

    A `nimble` connection does not wait for locks once it is open: `begin` does, and better.
    Raises LogUnavailable, with a key of its own for each thing that can be wrong with a file.
    """
    with told(path):
        _check_path(path)
        if create and _is_empty(path):
            _make(path)
        connection = _connect(path, patience)
        try:
            _prepare(connection, path, topics, patience)
            if nimble:
                connection.execute("PRAGMA busy_timeout = 0")
            return OpenFile(connection, path)
        except BaseException:
            connection.close()
            raise


def _check_path(path: Path) -> None:
    if not path.parent.is_dir():
        raise LogUnavailable("log-folder-missing", path=str(path), folder=str(path.parent))
    if path.is_dir():
        raise LogUnavailable("log-file-is-folder", path=str(path))
    if not _is_empty(path) and not os.access(path, os.W_OK, effective_ids=_EFFECTIVE):
        # SQLite would open it for reading, and only the first record would be refused.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _make(path: Path) -> None:
    """Make a log aside and give it its name when it is whole, so that no process meets half a log."""
    with _alone(path.parent):
        if not _is_empty(path):  # another process was faster
            return
        if path.exists() and not _is_empty(_beside(path, "-wal")):
            raise LogUnavailable("log-file-corrupt", path=str(path), reason="the file has been emptied")
        aside = _beside(path, "-making")
        aside.unlink(missing_ok=True)
        try:
            with closing(_connect(aside, 0.0, mode="rwc")) as connection:
                _lay_out(connection)
            _remove_wal(path)
            aside.rename(path)
        finally:
            aside.unlink(missing_ok=True)


def _lay_out(connection: sqlite3.Connection) -> None:
    with transaction(connection, 0.0):
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO log VALUES (?)", (secrets.token_hex(16),))
    connection.execute("PRAGMA journal_mode = WAL")


def _connect(path: Path, patience: float, *, mode: str = "rw") -> sqlite3.Connection:
    uri = f"file:{quote(os.fspath(path))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)


def _prepare(
    connection: sqlite3.Connection, path: Path, topics: Mapping[str, TopicConfig], patience: float
) -> None:
    _check_ours(connection, path)
    if _wal_mode(connection, patience) != "wal":
        raise LogUnavailable("log-disk-unsuitable", path=str(path))
    for setting in _SETTINGS:
        connection.execute(setting)
    _check_sound(connection, path)
    _add_places(connection, topics, patience)


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise LogUnavailable("log-file-foreign", path=str(path), reason="another program's database")
    version = _pragma(connection, "user_version")
    if version != SCHEMA_VERSION:
        raise LogUnavailable("log-file-newer", path=str(path), version=version, supported=SCHEMA_VERSION)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _wal_mode(connection: sqlite3.Connection, patience: float) -> str:
    deadline = time.monotonic() + patience
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:  # SQLite does not wait for this lock itself
            wait_or_raise(error, deadline)


def _add_places(connection: sqlite3.Connection, topics: Mapping[str, TopicConfig], patience: float) -> None:
    wanted = {(topic, number) for topic, config in topics.items() for number in range(config.partitions)}
    query = "SELECT topic, partition FROM places"
    if wanted <= set(connection.execute(query)):
        return
    with transaction(connection, patience):
        held = set(connection.execute(query))
        for number, (topic, partition) in enumerate(sorted(wanted - held), start=len(held) + 1):
            check = checksum(number, topic, b"", partition)
            connection.execute(_ADD_PLACE, (number, topic, partition, check))


def _check_sound(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN")  # one moment for both queries, as others append
    try:
        wrong = _find_wrong(connection)
    finally:
        connection.rollback()
    if wrong is not None:
        raise LogUnavailable("log-file-corrupt", path=str(path), reason=wrong)


def _find_wrong(connection: sqlite3.Connection) -> str | None:
    rows = connection.execute(_PLACES).fetchall()
    for expected, (number, earliest, end, topic, partition, check) in enumerate(rows, start=1):
        base = number << OFFSET_BITS
        low, high = connection.execute(_EDGES, (base, base + (1 << OFFSET_BITS))).fetchone()
        whole = earliest == end if low is None else base + earliest <= low <= high == base + end - 1
        if not whole or number != expected or check != checksum(number, topic, b"", partition):
            return f"{topic}/{partition}"
    strays = connection.execute(_EDGES, ((len(rows) + 1) << OFFSET_BITS, LAST_POSITION)).fetchone()
    return None if strays == (None, None) else "records of an unknown partition"
