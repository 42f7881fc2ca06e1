"""What an exploration covers: how many jobs and workers, and how much may go wrong."""

from dataclasses import dataclass, fields
from functools import cache
from typing import NamedTuple


class Left(NamedTuple):
    """What may still go wrong on the way that led to a state; each of these is a number of times.

    `unknowns` are appends whose outcome the writer does not learn: the record comes at any later time, or
    never. `pauses` are expiries decided on by a reader that sleeps before it writes them. `releases` are
    attempts given back unharmed. `ticks` are half-days going by.
    """

    crashes: int = 0
    unknowns: int = 0
    pauses: int = 0
    releases: int = 0
    cancels: int = 0
    duplicates: int = 0
    erasures: int = 0
    commits: int = 0
    ticks: int = 0

    @cache  # noqa: B019 - there are few
    def less(self, what: str) -> "Left":
        """Return what is left after one more of these."""
        return self._replace(**{what: getattr(self, what) - 1})


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The size of a space, and how it is walked.

    `asked` requests are in the log from the start, the others come at any time. `lag`: workers read
    `requests` at any speed of its own, otherwise always to its end. `reduced`: states that only differ in
    what nobody can ever see again count as one.
    """

    jobs: int = 1
    workers: int = 2
    asked: int = 1
    max_attempts: int = 2
    max_stalls: int = 2
    progress: int = 1
    faults: Left = Left()  # noqa: RUF009 - immutable
    lag: bool = False
    reduced: bool = True

    def __str__(self) -> str:
        faults = [
            f"{getattr(self.faults, name)} {name}" for name in Left._fields if getattr(self.faults, name)
        ]
        size = f"{self.jobs} job{'s' * (self.jobs > 1)} x {self.workers} worker{'s' * (self.workers > 1)}"
        own = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name in ("max_attempts", "max_stalls")
        }
        notes = [f"{name} {value}" for name, value in own.items()]
        notes += ["requests lag"] * self.lag + ["not reduced"] * (not self.reduced)
        return f"{size}, at most {', '.join(faults) or 'no fault'} ({', '.join(notes)})"
