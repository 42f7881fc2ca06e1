"""Follows the log and keeps the queue; used by one thread of each process."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from prompt2pic.core.errors import LogTruncated, LogUnavailable
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of, mark_of
from prompt2pic.core.ports import Follower, Log, Place, Record
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.rules import DRAIN_KEY, Drain, Rules, encode_drain
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import Crew

WORKERS, SETTINGS, DEAD_LETTERS = "workers", "settings", "dead-letters"
FRONTIER_GROUP = "prompt2pic-frontier"  # never subscribed: it only holds the frontier
_LOOK = 60.0  # seconds between two looks for new partitions
_LOOK_AGAIN = 1.0  # seconds, while a record tells of more than are followed


class Start(NamedTuple):
    """Where a reader begins: its frontiers, those of no use, the ends at which it is ready, what follows from there."""

    frontiers: dict[int, Frontier]
    refolded: list[int]
    ends: dict[Place, int]
    follower: Follower


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
        old = self.begin(self.find_start(self._committed() if self._from_frontier else self._own()))
        if old is not None:
            old.close()

    def find_start(self, known: Mapping[int, Mark | None]) -> Start:
        """Ask the log where to begin, at the frontiers `known` where they are of use. Raises LogUnavailable.

        May run in another thread than `take`: it changes nothing here.
        """
        usable = {n: self._usable(n, known.get(n)) for n in range(self.partitions())}
        refolded = sorted(n for n in known if n in usable and usable[n] is None)
        frontiers = {n: frontier or self._earliest(n) for n, frontier in usable.items()}
        ends = {place: self.log.bounds(place)[1] for place in self._places(frontiers)}
        return Start(frontiers, refolded, ends, self.log.follow(self._starts(frontiers)))

    def begin(self, start: Start) -> Follower | None:
        """Throw the projection away and begin there; return what followed until now, for the caller to close."""
        old, self._follower = self._follower, start.follower
        self.refolded, self._ends = start.refolded, start.ends
        self._new: dict[int, Frontier] = {}
        self._looked, self._looked_for, self._asked = time.monotonic(), 1, False
        self.queue, self.crew, self.speeds, self.rules = Queue(start.frontiers), Crew(), Speeds(), Rules()
        self.queue.endings.append(self.speeds.learn)
        self.ready = self._has_reached(self._ends)
        self._rebuilt(self)
        return old

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
        """Wait up to `timeout` seconds for records and return at most `limit`; looks for new partitions, too.

        May run in another thread than `take`, one after the other. Raises LogTruncated, LogUnavailable.
        """
        assert self._follower is not None, "a reader follows from its start on"  # noqa: S101
        if self._is_due() and self._found_new():
            return []
        if self._expected() > len(self.queue.ledgers):
            timeout = min(timeout, _LOOK_AGAIN)
        return self._follower.poll(timeout, limit)

    def take(self, records: list[Record]) -> int:
        """Fold what was fetched and return how many records that were. Raises NewerLog."""
        if self._new:
            self.queue.follow(self._new)
            self._new = {}
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
        ledger = self.queue.ledgers.get(place.partition)
        if ledger is None:
            return False
        return offset < (ledger.next_request if place.topic == REQUESTS else ledger.next_result)

    def wake(self) -> None:
        """Make a `pump` that waits in another thread return early."""
        follower = self._follower
        if follower is not None:
            follower.wake()

    def look(self) -> None:
        """Have the next `fetch` look for new partitions, and one that waits return early."""
        self._asked = True
        self.wake()

    def partitions(self) -> int:
        """Return how many partitions the ledger has: while the log grows one of its topics may be ahead."""
        return min(self.log.partitions(REQUESTS), self.log.partitions(RESULTS))

    def placing(self) -> int:
        """Return the number of partitions that requests are to be spread over, once this is `Grown` to.

        The owner's number where the log has that many, else what the log has; never fewer than somebody grew to.
        """
        has = len(self.queue.ledgers)
        told = self.rules.partitions
        return max(self.queue.grown(), has if told is None else min(told, has))

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

    def _is_due(self) -> bool:
        waited, expected = time.monotonic() - self._looked, self._expected()
        missing = expected > len(self.queue.ledgers)
        news = self._asked or (missing and expected > self._looked_for)
        return news or waited > (_LOOK_AGAIN if missing else _LOOK)

    def _expected(self) -> int:
        """Return how many partitions there are to be by what was read."""
        return max(self.queue.grown(), self.rules.partitions or 1)

    def _found_new(self) -> bool:
        """Go on with partitions that the log has now, too, each from its beginning; say whether there were any."""
        assert self._follower is not None, "a reader follows from its start on"  # noqa: S101
        self._looked, self._looked_for, self._asked = time.monotonic(), self._expected(), False
        try:
            new = {n: self._earliest(n) for n in range(self.partitions()) if n not in self.queue.ledgers}
            if not new:
                return False
            follower = self.log.follow(self._follower.positions() | _ledgers_starts(new))
        except LogUnavailable:  # one that can not be had yet must not keep from reading the others
            return False
        self._follower.close()
        self._follower, self._new = follower, new
        return True

    def _places(self, frontiers: dict[int, Frontier]) -> list[Place]:
        others = [Place(topic, n) for topic in (WORKERS, SETTINGS) for n in range(self.log.partitions(topic))]
        return [*_ledgers_starts(frontiers), *others]

    def _starts(self, frontiers: dict[int, Frontier]) -> dict[Place, int]:
        others = [place for place in self._places(frontiers) if place.topic in (WORKERS, SETTINGS)]
        return _ledgers_starts(frontiers) | {place: self.log.bounds(place)[0] for place in others}

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


def _ledgers_starts(frontiers: Mapping[int, Frontier]) -> dict[Place, int]:
    """Return where to begin reading the two places of each partition."""
    return {
        place: offset
        for n, frontier in frontiers.items()
        for place, offset in ((Place(REQUESTS, n), frontier.requests), (Place(RESULTS, n), frontier.results))
    }


def now_ms() -> int:
    """Return the time of day in ms since the epoch, as the log stamps records."""
    return time.time_ns() // 1_000_000


_encoder = msgspec.json.Encoder()


def write_drain(log: Log, *, on: bool) -> None:
    """Append that workers take no more and the intake refuses, or the reverse. Raises LogUnavailable."""
    log.append(Place(SETTINGS, 0), DRAIN_KEY, encode_drain(Drain(on=on)))


def write_letter(log: Log, place: Place, letter: dict[str, str | int]) -> int:
    """Append a readable copy of a given-up request (no prompt in it) to the dead letters."""
    return log.append(place, str(letter["request"]), _encoder.encode(letter))
