"""How many pictures each person asked for within a day."""

from collections import defaultdict, deque

DAY = 24 * 3600 * 1000  # ms


class DayTally:
    """Counts pictures per person over the last 24 hours; memory follows the pictures of that day.

    What is more than a day yet to come was stamped by a clock that was wrong, and does not count.
    """

    def __init__(self) -> None:
        self._asked: defaultdict[str, deque[int]] = defaultdict(deque)  # when, once for each picture

    def add(self, person: str, timestamp: int, count: int) -> None:
        """Count `count` pictures asked for at `timestamp` (ms)."""
        asked = self._asked[person]
        if count == 1:
            asked.append(timestamp)
        else:
            asked.extend([timestamp] * count)

    def pictures(self, person: str, now: int) -> int:
        """Return how many pictures the person asked for in the 24 hours before `now` (ms)."""
        return len(self._counting(person, now))

    def day(self, now: int) -> tuple[int, int]:
        """Return how many people asked, and for how many pictures, in the 24 hours before `now` (ms)."""
        counts = [count for person in self._asked if (count := self.pictures(person, now))]
        return len(counts), sum(counts)

    def room_in(self, person: str, pictures: int, now: int) -> float:
        """Return the seconds until `pictures` of the person's, or all of them, no longer count."""
        # Of several partitions they may have been read in another order.
        last = [now - DAY, *sorted(self._counting(person, now))[:pictures]][-1]
        return (last + DAY - now) / 1000

    def forget(self, now: int) -> None:
        """Drop what lies more than a day before `now` (ms)."""
        for person in list(self._asked):
            asked = self._asked[person]
            while asked and asked[0] <= now - DAY:
                asked.popleft()
            if (
                asked and asked[0] > now
            ):  # by a clock that was wrong, this one or the log's: what follows may be old
                asked = self._asked[person] = deque(time for time in asked if time > now - DAY)
            if not asked:
                del self._asked[person]

    def _counting(self, person: str, now: int) -> list[int]:
        return [timestamp for timestamp in self._asked.get(person, ()) if _counts(timestamp, now)]


def _counts(timestamp: int, now: int) -> bool:
    return -DAY < now - timestamp < DAY
