"""What an exploration covers: how many jobs and workers, and how much may go wrong."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

ANY = float("inf")  # times: as often as it may happen


class Left(NamedTuple):
    """What may still go wrong on the way that led to a state; each of these is a number of times, or ANY.

    `unknowns` are appends whose outcome the writer does not learn: the record comes at any later time, or
    never. `pauses` are decisions of a reader that sleeps before it writes them, beside those of the holder of an
    attempt, who may sleep at any time. `releases` are attempts given back unharmed. `ticks` are half-days
    going by.
    """

    crashes: float = 0
    unknowns: int = 0
    pauses: float = 0
    releases: float = 0
    cancels: float = 0
    duplicates: float = 0
    erasures: float = 0
    commits: int = 0
    ticks: int = 0

    @cache  # noqa: B019 - there are few
    def less(self, what: str) -> "Left":
        """Return what is left after one more of these."""
        return self._replace(**{what: getattr(self, what) - 1})


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The size of a space, and how it is walked.

    `asked` requests are in the log from the start, the others come at any time. `progress` is how often an
    attempt tells of its progress. `notify`: a job is over only when the person was told. `reduced`: states
    from which the same can happen count as one (see `alike`); then everybody may pause, and tell of
    progress, any number of times.
    """

    jobs: int = 1
    workers: int = 2
    asked: int = 1
    max_attempts: int = 2
    max_stalls: int = 2
    progress: int = 1
    faults: Left = Left()  # noqa: RUF009 - immutable
    notify: bool = False
    reduced: bool = True

    @property
    def whole(self) -> bool:
        """Whether states are told apart by all their records: a reader may start at a frontier among them."""
        return bool(self.faults.commits) or not self.reduced

    def __str__(self) -> str:
        faults = self.faults if self.whole else self.faults._replace(pauses=ANY)
        times = {name: getattr(faults, name) for name in Left._fields if getattr(faults, name)}
        said = [f"{'any' if number == ANY else number} {name}" for name, number in times.items()]
        size = f"{self.jobs} job{'s' * (self.jobs > 1)} x {self.workers} worker{'s' * (self.workers > 1)}"
        notes = [f"max_attempts {self.max_attempts}", f"max_stalls {self.max_stalls}"]
        notes += ["notify"] * self.notify + ["whole"] * self.whole
        return f"{size}, at most {', '.join(said) or 'no fault'} ({', '.join(notes)})"
