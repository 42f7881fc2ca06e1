"""The reading side of the embedded log."""

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from prompt2pic.core.errors import LogTruncated, LogUnavailable
from prompt2pic.core.ports import Place, Record
from prompt2pic.log.bell import Bell, bell_folder
from prompt2pic.log.sqlite_file import OFFSET_BITS, checksum, open_file
from prompt2pic.log.sqlite_writing import told
from prompt2pic.log.topics import TopicConfig

PATIENCE = 1.0  # seconds to wait for a lock: readers meet one only while the file is being mended
LOOK_EVERY = 0.5  # seconds between looks at the file, in case a bell was missed
LOOK_EVERY_DEAF = 0.05  # seconds, where no bell could be hung
LARGEST_BATCH = 8_000_000  # bytes of values after which a poll returns what it has

_READ = (
    "SELECT position, key, value, timestamp, checksum FROM records"
    " WHERE position >= ? AND position < ? ORDER BY position LIMIT ?"
)
_BOUNDS = "SELECT id, topic, partition, earliest, next FROM log LEFT JOIN places"


class SqliteFollower:
    """Reads a log's file from given positions on; used by one thread, but for `wake`.

    A position before the earliest record means the earliest record.
    """

    def __init__(self, path: Path, topics: Mapping[str, TopicConfig], positions: Mapping[Place, int]) -> None:
        self._path = path
        self._topics = topics
        self._positions = dict(positions)
        self._order = deque(positions)
        self._file = open_file(path, topics, patience=PATIENCE)
        self._bell = Bell(bell_folder(path))
        self._look_every = LOOK_EVERY if self._bell.audible else LOOK_EVERY_DEAF
        self._woken = False  # no lock: a signal that comes in the middle of a poll sets it, too
        self._truncated: LogTruncated | None = None

    def poll(self, timeout: float, limit: int = 1000) -> list[Record]:
        """Return at most `limit` new records, waiting up to `timeout` seconds for the first.

        Raises LogTruncated when offsets went back, LogUnavailable when the log can not be read now.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._bell.hush()  # before the look: whatever is appended after it rings again
            records = self._look(limit)
            left = deadline - time.monotonic()
            if records or left <= 0 or self._woken:
                self._woken = False
                return records
            self._bell.wait(min(left, self._look_every))

    def positions(self) -> dict[Place, int]:
        """Return the next offset to be read of each place."""
        return dict(self._positions)

    def wake(self) -> None:
        """Make a `poll` that waits in another thread return early, or the next one where none waits."""
        self._woken = True
        self._bell.ring()

    def close(self) -> None:
        """Stop following."""
        self._bell.close()
        self._file.close()

    def _look(self, limit: int) -> list[Record]:
        if self._truncated is not None:
            raise self._truncated.with_traceback(None)
        with told(self._path):
            if self._file.replaced():
                raise self._lost("log-replaced")
            self._file.connection.execute("BEGIN")  # one moment for the bounds and the records
            try:
                return self._read(limit)
            finally:
                self._file.connection.rollback()

    def _lost(self, key: str, **args: str | int) -> LogTruncated:
        self._truncated = LogTruncated(key, path=str(self._path), **args)
        return self._truncated

    def _read(self, limit: int) -> list[Record]:
        records: list[Record] = []
        positions = dict(self._positions)
        room = LARGEST_BATCH
        for place, start, end in self._news():
            found, size = self._take(place, start, end, limit - len(records), room)
            records += found
            room -= size
            full = len(records) >= limit or room <= 0
            positions[place] = found[-1].offset + 1 if full else end
            self._check_whole(place, found, start, positions[place])
            if full:
                break
        self._positions = positions  # only now: what an error cut short is read again
        self._order.rotate(-1)  # so that a busy place can not starve the others
        return records

    def _news(self) -> list[tuple[Place, int, int]]:
        bounds = self._bounds()
        for place, position in self._positions.items():
            if position > bounds[place][1]:
                raise self._lost("log-went-back", topic=place.topic, partition=place.partition)
        spans = [
            (place, max(self._positions[place], bounds[place][0]), bounds[place][1]) for place in self._order
        ]
        return [span for span in spans if span[1] < span[2]]

    def _bounds(self) -> dict[Place, tuple[int, int]]:
        rows = self._file.connection.execute(_BOUNDS).fetchall()
        if not rows or rows[0][0] != self._file.log_id:
            raise self._lost("log-replaced")
        return {Place(topic, partition): (earliest, end) for _, topic, partition, earliest, end in rows}

    def _take(self, place: Place, start: int, end: int, limit: int, room: int) -> tuple[list[Record], int]:
        base = self._file.numbers[place] << OFFSET_BITS
        records, size, last = [], 0, -1
        for position, key, value, timestamp, check in self._file.connection.execute(
            _READ, (base + start, base + end, limit)
        ):
            if check != checksum(position, key, value, timestamp) or position <= last:
                raise self._corrupt(place, position - base)
            records.append(Record(place, position - base, key, value, timestamp))
            size += len(value)
            last = position
            if size >= room:
                break
        return records, size

    def _check_whole(self, place: Place, found: list[Record], start: int, end: int) -> None:
        """Refuse a gap, as a damaged page can leave one; a compacted topic may have them but at its end."""
        compacted = self._topics[place.topic].compacted
        whole = found and found[-1].offset == end - 1 and (compacted or len(found) == end - start)
        if not whole:
            raise self._corrupt(place, start)

    def _corrupt(self, place: Place, offset: int) -> LogUnavailable:
        reason = f"record {offset} of {place.topic}/{place.partition}"
        return LogUnavailable("log-file-corrupt", path=str(self._path), reason=reason)
