"""The embedded log: topics and partitions in one SQLite file, shared by the processes of one machine."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from prompt2pic.core.errors import AppendUnknown, LogUnavailable, RecordTooLarge
from prompt2pic.core.ports import Commit, Place
from prompt2pic.log.bell import Ringer, bell_folder
from prompt2pic.log.sqlite_file import OFFSET_BITS, OpenFile, checksum, open_file
from prompt2pic.log.sqlite_follower import SqliteFollower
from prompt2pic.log.sqlite_writing import begin, code_of, told, transaction
from prompt2pic.log.topics import TopicConfig

__all__ = ["LARGEST_RECORD", "SqliteFollower", "SqliteLog", "TopicConfig"]

LARGEST_RECORD = 1_000_000  # bytes of key and value together
LONGEST_METADATA = 4096  # characters
PATIENCE = 10.0  # seconds to wait for other processes' appends
TRIM_STEP = 1000  # records deleted in one transaction, so that appends need not wait long

_END = "SELECT next FROM places WHERE place = ?"
_ADVANCE = "UPDATE places SET next = ?, timestamp = ? WHERE place = ?"
_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)"
_COMPACT = "DELETE FROM records WHERE compacted = 1 AND key = ? AND position >= ? AND position < ?"
_OLDEST = "SELECT position, timestamp FROM records WHERE position >= ? AND position < ? ORDER BY position"
_BOUNDS = "SELECT earliest, next FROM places WHERE place = ?"
_COMMIT = "INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?, ?)"
_COMMITTED = (
    "SELECT topic, partition, offset, metadata, place, commits.checksum"
    ' FROM commits JOIN places USING (place) WHERE "group" = ?'
)


class _Session:
    """A connection shared by threads, which moves on where another file was put at its path.

    `reopen` opens what lies at the path.
    """

    def __init__(self, file: OpenFile, reopen: Callable[[], OpenFile]) -> None:
        self._lock = threading.Lock()
        self._file = file
        self._reopen = reopen

    @contextmanager
    def use(self) -> Iterator[OpenFile]:
        """Lend the connection to one thread. Raises LogUnavailable."""
        with self._lock, told(self._file.path):
            if self._file.replaced():  # what is written to a file that has no name any more would be lost
                self._file.close()
                self._file = self._reopen()
            yield self._file

    def close(self) -> None:
        """Close the connection, once its present user is done."""
        with self._lock:
            self._file.close()


class SqliteLog:
    """A log in one file; `topics` are all topics by name, `patience` is in seconds.

    A copy made by SQLite's backup, or of the file with its `-wal` while nobody writes, is a log too.
    Raises LogUnavailable where the file is another program's, damaged, newer or can not be written.
    """

    def __init__(
        self, path: str | Path, topics: Mapping[str, TopicConfig], *, patience: float = PATIENCE
    ) -> None:
        self._path = Path(path).resolve()
        self._topics = dict(topics)
        self._patience = patience
        opening = partial(open_file, self._path, self._topics, patience=patience)
        self._writing = _Session(opening(create=True, nimble=True), partial(opening, nimble=True))
        self._reading = _Session(opening(), opening)
        self._ringer = Ringer(bell_folder(self._path))

    def append(self, place: Place, key: str, value: bytes) -> int:
        """Append one record and return its offset once it is durable.

        Raises RecordTooLarge, LogUnavailable (nothing was written) or AppendUnknown (read back).
        """
        size = len(key.encode()) + len(value)
        if size > LARGEST_RECORD:
            raise RecordTooLarge("record-too-large", size=size, limit=LARGEST_RECORD)
        with self._writing.use() as file:
            offset = self._append(file, place, key, value)
        self._ringer.ring()
        return offset

    def _append(self, file: OpenFile, place: Place, key: str, value: bytes) -> int:
        begin(file.connection, self._patience)
        try:
            offset = self._insert(file, place, key, value)
        except BaseException:
            file.connection.rollback()
            raise
        self._settle(file.connection)
        return offset

    def _insert(self, file: OpenFile, place: Place, key: str, value: bytes) -> int:
        number, compacted = file.numbers[place], self._topics[place.topic].compacted
        base = number << OFFSET_BITS
        (offset,) = file.connection.execute(_END, (number,)).fetchone()
        position, timestamp = base + offset, time.time_ns() // 1_000_000
        if compacted:
            file.connection.execute(_COMPACT, (key, base, position))
        check = checksum(position, key, value, timestamp)
        file.connection.execute(_INSERT, (position, key, value, timestamp, compacted, check))
        file.connection.execute(_ADVANCE, (offset + 1, timestamp, number))
        return int(offset)

    def _settle(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.rollback()
            if code_of(error) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY}:  # its last page was not written
                raise
            raise AppendUnknown("append-unknown", path=str(self._path), reason=str(error)) from error

    def identity(self) -> str:
        """Return the random id that the file was made with. Raises LogUnavailable."""
        with self._reading.use() as file:
            return str(file.log_id)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        return self._topics[topic].partitions

    def bounds(self, place: Place) -> tuple[int, int]:
        """Return the earliest offset that is still held and the offset the next record will get.

        Of a compacted topic the earliest is where its retention begins; that record may be gone.
        """
        with self._reading.use() as file:
            earliest, end = file.connection.execute(_BOUNDS, (file.numbers[place],)).fetchone()
        return earliest, end

    def follow(self, positions: Mapping[Place, int]) -> SqliteFollower:
        """Follow the given places, each from its offset on."""
        return SqliteFollower(self._path, self._topics, positions)

    def commit(self, group: str, commits: Mapping[Place, Commit]) -> None:
        """Store positions with metadata under a group's name, durably. Raises LogUnavailable."""
        if any(len(commit.metadata) > LONGEST_METADATA for commit in commits.values()):
            raise ValueError(f"a commit's metadata has at most {LONGEST_METADATA} characters")
        with self._writing.use() as file, transaction(file.connection, self._patience):
            for place, (offset, metadata) in commits.items():
                number = file.numbers[place]
                check = checksum(number, metadata, group.encode(), offset)
                file.connection.execute(_COMMIT, (group, number, offset, metadata, check))

    def committed(self, group: str) -> dict[Place, Commit]:
        """Return what the group last committed; empty where nothing is held. Raises LogUnavailable."""
        with self._reading.use() as file:
            rows = file.connection.execute(_COMMITTED, (group,)).fetchall()
        found = {}
        for topic, partition, offset, metadata, number, check in rows:
            if check != checksum(number, metadata, group.encode(), offset):
                raise LogUnavailable("log-file-corrupt", path=str(self._path), reason=f"commit of {group}")
            found[Place(topic, partition)] = Commit(offset, metadata)
        return found

    def trim(self, place: Place, before_ms: int, now_ms: int, upto: int = 1 << OFFSET_BITS) -> int:
        """Delete a place's oldest records, all before a time in ms since the epoch, and return how many they were.

        A record that is yet to come at `now_ms` was stamped by a wrong clock, and goes with the next one. None is
        deleted from the offset `upto` on. Raises LogUnavailable; what was deleted by then stays deleted.
        """
        total = 0
        while True:
            with self._writing.use() as file, transaction(file.connection, self._patience):
                count = _trim_step(file, file.numbers[place], before_ms, now_ms, upto)
            total += count
            if count < TRIM_STEP:
                return total

    def wipe(self) -> None:
        """Empty the file's `-wal`, in which the bytes of deleted records may still stand; later if it is in use."""
        with self._reading.use() as file:
            file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Release files and connections; followers are closed by who uses them."""
        self._writing.close()
        self._reading.close()
        self._ringer.close()


def _trim_step(file: OpenFile, number: int, before_ms: int, now_ms: int, upto: int) -> int:
    base, count, last = number << OFFSET_BITS, 0, None
    rows = file.connection.execute(_OLDEST, (base, base + upto))
    for seen, (position, timestamp) in enumerate(rows, 1):
        if before_ms <= timestamp <= now_ms or count >= TRIM_STEP:
            break
        if timestamp < before_ms:
            count, last = seen, position
    rows.close()
    if last is not None:
        file.connection.execute("DELETE FROM records WHERE position BETWEEN ? AND ?", (base, last))
        file.connection.execute("UPDATE places SET earliest = ? WHERE place = ?", (last + 1 - base, number))
    return count
