"""When a lease has run out: a reader's own watch over the attempts that hold jobs."""

import math

from prompt2pic.core.jobs import Job

SHORTEST_LEASE = 15.0  # seconds
SHORTEST_DEADLINE = 600.0  # seconds
SHORTEST_PATIENCE = 3.0  # seconds
PROGRESS_PERIOD = 3.0  # seconds between two `progressed` records at the least
_PATIENCE = 3  # times the longest silence measured, after which a painter counts as hung
_LATEST = 0.75  # share of the lease by which a painter that hangs must be known to
_LONGEST_TICK = 2.0  # seconds that one look may add to the clock of who is awake


def lease_seconds(silence: float) -> float:
    """Return a lease's length: the larger of 15 s and four times the longest silence measured."""
    return max(SHORTEST_LEASE, 4 * silence)


def deadline_seconds(predicted: float) -> float:
    """Return after how long any attempt ends: the larger of 10 minutes and five times the prediction."""
    return max(SHORTEST_DEADLINE, 5 * predicted)


def hung_after(lease: float, silence: float = math.inf, largeness: float = 1.0) -> float:
    """Return the seconds without a sign after which a painter counts as hung: before its lease runs out.

    `silence` is the longest that this painter kept, in seconds, `largeness` how much more there is to paint than it
    was measured with: where every part of a picture heeds every other one, time grows with its square.
    """
    return min(_LATEST * lease, max(SHORTEST_PATIENCE, _PATIENCE * silence * max(1.0, largeness) ** 2))


class AwakeClock:
    """The seconds in which its owner was awake, who looks often: what lies between two late looks hardly counts."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._looked: float | None = None

    def look(self, monotonic: float) -> float:
        """Count the time since the last look, and return the seconds so far."""
        if self._looked is not None:
            self.seconds += min(monotonic - self._looked, _LONGEST_TICK)
        self._looked = monotonic
        return self.seconds


class Watch:
    """Tells which leases ran out, by a clock that runs only while fetches succeed.

    A reader that slept, or was cut off, has seen nothing in that time and so must not count it.
    """

    def __init__(self) -> None:
        self._awake = AwakeClock()
        self._new: dict[str, int] = {}
        self._seen: dict[str, tuple[int, float]] = {}

    def tick(self, monotonic: float) -> None:
        """Count the time since the last successful fetch; call it after each, at the log's end.

        What the fetch brought was heard of now, not when the time began that is counted here.
        """
        now = self._awake.look(monotonic)
        self._seen.update((job, (last, now)) for job, last in self._new.items())
        self._new.clear()

    def heard(self, job: Job) -> None:
        """Note a change of a job: a new record of its attempt, and nothing else, starts its lease anew."""
        if job.state != "held":
            self._seen.pop(job.id, None)
            self._new.pop(job.id, None)
        elif self._seen.get(job.id, (-1, 0.0))[0] != job.last:
            self._new[job.id] = job.last

    def silent(self, job: Job) -> float:
        """Return for how many seconds nothing was seen of the attempt that holds the job."""
        now = self._awake.seconds
        last, since = self._seen.get(job.id, (-1, now))
        return now - since if last == job.last else 0.0

    def watched(self) -> list[str]:
        """Return the ids of the held jobs."""
        return list(self._seen | self._new)

    def expired(self, job: Job, patience: float = 0.0) -> bool:
        """Whether the job's lease ran out, `patience` seconds ago at the least."""
        return job.claim is not None and self.silent(job) > job.claim.lease + patience
