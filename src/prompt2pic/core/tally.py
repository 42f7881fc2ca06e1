"""How many pictures each person asked for within a day."""

from collections import deque

DAY = 24 * 3600 * 1000  # ms


class DayTally:
    """Counts pictures per person over the last 24 hours; memory follows the requests of that day."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[tuple[int, int]]] = {}

    def add(self, person: str, timestamp: int, count: int) -> None:
        """Count `count` pictures asked for at `timestamp` (ms)."""
        asked = self._asked.get(person)
        if asked is None:
            asked = self._asked[person] = deque()
        asked.append((timestamp, count))

    def pictures(self, person: str, now: int) -> int:
        """Return how many pictures the person asked for in the 24 hours before `now` (ms)."""
        return sum(count for timestamp, count in self._asked.get(person, ()) if timestamp > now - DAY)

    def room_in(self, person: str, pictures: int, now: int) -> float:
        """Return the seconds until `pictures` of the person's, or all of them, no longer count."""
        last, gone = now - DAY, 0
        for timestamp, count in self._asked.get(person, ()):
            if timestamp > now - DAY and gone < pictures:
                last, gone = timestamp, gone + count
        return (last + DAY - now) / 1000

    def forget(self, now: int) -> None:
        """Drop what lies more than a day before `now` (ms)."""
        for person in list(self._asked):
            asked = self._asked[person]
            while asked and asked[0][0] <= now - DAY:
                asked.popleft()
            if not asked:
                del self._asked[person]
