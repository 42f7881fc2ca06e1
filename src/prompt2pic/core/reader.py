"""Follows the log and keeps the queue; used by one thread of each process."""

import time
from collections.abc import Callable, Mapping

import msgspec

from prompt2pic.core.errors import LogTruncated
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of, mark_of
from prompt2pic.core.ports import Follower, Log, Place, Record
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.rules import Rules
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import Crew

WORKERS, SETTINGS, DEAD_LETTERS = "workers", "settings", "dead-letters"
FRONTIER_GROUP = "prompt2pic-frontier"  # never subscribed: it only holds the frontier


class Reader:
    """The queue, the crew and the speeds, folded from the log as far as this reader has come.

    With `from_frontier` it starts at the committed frontier, otherwise at those that `own` returns, or at the
    earliest record where they can not be had: `refolded` are the partitions of which there was one that is of no
    use. `rebuilt` is called with each new queue, at the start and whenever the log was truncated, so that listeners
    can join.
    """

    def __init__(
        self,
        log: Log,
        *,
        from_frontier: bool,
        rebuilt: Callable[["Reader"], None],
        own: Callable[[], Mapping[int, Mark | None]] = dict,
    ) -> None:
        self.log = log
        self._from_frontier = from_frontier
        self._own = own
        self._rebuilt = rebuilt
        self._follower: Follower | None = None
        self.rebuild()

    def rebuild(self) -> None:
        """Throw the projection away and start anew. Raises LogUnavailable."""
        self.ready = False  # where the log is away now, the old follower stays and says the same again
        frontiers = self._frontiers()
        self._ends = {place: self.log.bounds(place)[1] for place in self._places()}
        follower = self.log.follow(self._starts(frontiers))
        self.close()
        self._follower = follower
        self.queue, self.crew, self.speeds, self.rules = Queue(frontiers), Crew(), Speeds(), Rules()
        self.queue.endings.append(self.speeds.learn)
        self.ready = self._has_reached(self._ends)
        self._rebuilt(self)

    def pump(self, timeout: float, limit: int = 1000) -> int:
        """Wait up to `timeout` seconds for records, fold at most `limit` of them, return how many.

        After a truncation of the log the projection is built anew. Raises LogUnavailable, NewerLog.
        """
        try:
            return self.take(self.fetch(timeout, limit))
        except LogTruncated:
            self.rebuild()
            return 0

    def fetch(self, timeout: float, limit: int = 1000) -> list[Record]:
        """Wait up to `timeout` seconds for records and return at most `limit`; changes nothing else.

        May run in another thread than `take`, one after the other. Raises LogTruncated, LogUnavailable.
        """
        assert self._follower is not None, "a reader follows from its start on"  # noqa: S101
        return self._follower.poll(timeout, limit)

    def take(self, records: list[Record]) -> int:
        """Fold what was fetched and return how many records that were. Raises NewerLog."""
        for record in records:
            if record.place.topic == WORKERS:
                self.crew.apply(record)
            elif record.place.topic == SETTINGS:
                self.rules.apply(record)
        self.queue.apply(*[record for record in records if record.place.topic in (REQUESTS, RESULTS)])
        self.ready = self.ready or self._has_reached(self._ends)
        return len(records)

    def reached(self, place: Place, offset: int) -> bool:
        """Whether the record at this offset has been folded."""
        ledger = self.queue.ledgers[place.partition]
        return offset < (ledger.next_request if place.topic == REQUESTS else ledger.next_result)

    def wake(self) -> None:
        """Make a `pump` that waits in another thread return early."""
        if self._follower is not None:
            self._follower.wake()

    def commit_frontier(self, now: int) -> None:
        """Move the frontier as far as it may go at `now` (ms) and commit it."""
        self.log.commit(
            FRONTIER_GROUP,
            {
                Place(REQUESTS, partition): commit_of(self.mark(partition, frontier))
                for partition, frontier in self.queue.advance(now).items()
            },
        )

    def mark(self, partition: int, frontier: Frontier) -> Mark:
        """Return a partition's frontier with how far this reader has come."""
        ledger = self.queue.ledgers[partition]
        return Mark(frontier, ledger.next_request, ledger.next_result)

    def close(self) -> None:
        """Stop following."""
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def _places(self) -> list[Place]:
        topics = (REQUESTS, RESULTS, WORKERS, SETTINGS)
        return [Place(topic, n) for topic in topics for n in range(self.log.partitions(topic))]

    def _starts(self, frontiers: dict[int, Frontier]) -> dict[Place, int]:
        starts = {place: self.log.bounds(place)[0] for place in self._places()}
        for partition, frontier in frontiers.items():
            starts[Place(REQUESTS, partition)] = frontier.requests
            starts[Place(RESULTS, partition)] = frontier.results
        return starts

    def _frontiers(self) -> dict[int, Frontier]:
        known = self._committed() if self._from_frontier else self._own()
        frontiers = {n: self._usable(n, known.get(n)) for n in range(self.log.partitions(REQUESTS))}
        self.refolded = sorted(n for n in known if n in frontiers and frontiers[n] is None)
        return {n: frontier or self._earliest(n) for n, frontier in frontiers.items()}

    def _committed(self) -> dict[int, Mark | None]:
        commits = self.log.committed(FRONTIER_GROUP).items()
        return {place.partition: mark_of(commit) for place, commit in commits if place.topic == REQUESTS}

    def _usable(self, partition: int, mark: Mark | None) -> Frontier | None:
        requests, results = Place(REQUESTS, partition), Place(RESULTS, partition)
        held = (
            mark is not None
            and self._holds(requests, mark.frontier.requests, mark.requests_read)
            and self._holds(results, mark.frontier.results, mark.results_read)
        )
        return mark.frontier if mark and held else None

    def _holds(self, place: Place, start: int, read: int) -> bool:
        earliest, end = self.log.bounds(place)
        return earliest <= start <= end and read <= end

    def _earliest(self, partition: int) -> Frontier:
        return Frontier(
            self.log.bounds(Place(REQUESTS, partition))[0], self.log.bounds(Place(RESULTS, partition))[0]
        )

    def _has_reached(self, ends: dict[Place, int]) -> bool:
        assert self._follower is not None, "a reader follows from its start on"  # noqa: S101
        positions = self._follower.positions()
        return all(positions.get(place, 0) >= end for place, end in ends.items())


def now_ms() -> int:
    """Return the time of day in ms since the epoch, as the log stamps records."""
    return time.time_ns() // 1_000_000


_encoder = msgspec.json.Encoder()


def write_letter(log: Log, place: Place, letter: dict[str, str | int]) -> int:
    """Append a readable copy of a given-up request (no prompt in it) to the dead letters."""
    return log.append(place, str(letter["request"]), _encoder.encode(letter))
