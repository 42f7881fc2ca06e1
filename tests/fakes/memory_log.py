"""A log in memory that keeps the port's promises, truncation included."""

import threading
from collections.abc import Callable, Mapping

from prompt2pic.core.errors import LogTruncated, LogUnavailable, RecordTooLarge
from prompt2pic.core.ports import Commit, Place, Record

LARGEST_RECORD = 1_000_000  # bytes of key and value together


class MemoryLog:
    """Topics and partitions in lists; `clock` gives the time of a record in ms since the epoch.

    While `away` is set the log can neither be read nor written.
    """

    def __init__(self, topics: Mapping[str, int], clock: Callable[[], int] = lambda: 1) -> None:
        self.away = False
        self.news = threading.Condition()
        self._clock = clock
        self._partitions = dict(topics)
        places = [Place(topic, n) for topic, count in topics.items() for n in range(count)]
        self._records: dict[Place, list[Record]] = {place: [] for place in places}
        self._next = dict.fromkeys(places, 0)
        self._commits: dict[str, dict[Place, Commit]] = {}
        self.followers: list[MemoryFollower] = []

    def identity(self) -> str:
        """Return a name for as long as it lives."""
        return f"memory-{id(self)}"

    def append(self, place: Place, key: str, value: bytes) -> int:
        """Append one record and return its offset."""
        self._check_there()
        size = len(key.encode()) + len(value)
        if size > LARGEST_RECORD:
            raise RecordTooLarge("record-too-large", size=size, limit=LARGEST_RECORD)
        with self.news:
            offset = self._next[place]
            self._records[place].append(Record(place, offset, key, value, self._clock()))
            self._next[place] = offset + 1
            self.news.notify_all()
        return offset

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        return self._partitions[topic]

    def grow(self, topic: str, count: int) -> None:
        """Add partitions to a topic until it has so many."""
        with self.news:
            for n in range(self._partitions[topic], count):
                self._records[Place(topic, n)] = []
                self._next[Place(topic, n)] = 0
            self._partitions[topic] = count

    def bounds(self, place: Place) -> tuple[int, int]:
        """Return the earliest offset that is still held and the offset the next record will get."""
        self._check_there()
        held = self._records[place]
        return (held[0].offset if held else self._next[place]), self._next[place]

    def follow(self, positions: Mapping[Place, int]) -> "MemoryFollower":
        """Follow the given places, each from its offset on."""
        self._check_there()
        self.followers.append(MemoryFollower(self, positions))
        return self.followers[-1]

    def commit(self, group: str, commits: Mapping[Place, Commit]) -> None:
        """Store positions with metadata under a group's name."""
        self._check_there()
        self._commits.setdefault(group, {}).update(commits)

    def committed(self, group: str) -> dict[Place, Commit]:
        """Return what the group last committed."""
        self._check_there()
        return dict(self._commits.get(group, {}))

    def close(self) -> None:
        """Release nothing: there is nothing to release."""

    def trim(self, place: Place, earliest: int) -> None:
        """Forget the records before an offset, as retention does."""
        self._records[place] = [record for record in self._records[place] if record.offset >= earliest]

    def truncate(self, place: Place, end: int) -> None:
        """Lose the records from an offset on, as a log does that was restored from an old copy."""
        with self.news:
            self._records[place] = [record for record in self._records[place] if record.offset < end]
            self._next[place] = min(end, self._next[place])
            self.news.notify_all()

    def read(self, place: Place, start: int, limit: int) -> list[Record]:
        """Return at most `limit` records from an offset on."""
        self._check_there()
        return [record for record in self._records[place] if record.offset >= start][:limit]

    def _check_there(self) -> None:
        if self.away:
            raise LogUnavailable("log-failed", path="memory", reason="away")


class MemoryFollower:
    """Reads a memory log from given positions on."""

    def __init__(self, log: MemoryLog, positions: Mapping[Place, int]) -> None:
        self.closed = False
        self._log = log
        self._positions = dict(positions)
        self._woken = False

    def poll(self, timeout: float, limit: int = 1000) -> list[Record]:
        """Return at most `limit` new records, waiting up to `timeout` seconds for the first."""
        assert not self.closed, "a closed follower is not polled"
        with self._log.news:
            found = self._read(limit)
            if not found and not self._woken and timeout > 0:
                self._log.news.wait(timeout)
                found = self._read(limit)
            self._woken = False
        return found

    def positions(self) -> dict[Place, int]:
        """Return the next offset to be read of each place."""
        return dict(self._positions)

    def wake(self) -> None:
        """Make a `poll` that waits in another thread return early."""
        with self._log.news:
            self._woken = True
            self._log.news.notify_all()

    def close(self) -> None:
        """Stop following."""
        assert not self.closed, "a follower is closed once"
        self.closed = True

    def _read(self, limit: int) -> list[Record]:
        if any(position > self._log.bounds(place)[1] for place, position in self._positions.items()):
            raise LogTruncated("log-went-back")
        found: list[Record] = []
        for place, position in self._positions.items():
            taken = self._log.read(place, position, limit - len(found))
            if taken:
                self._positions[place] = taken[-1].offset + 1
            found += taken
        return found
