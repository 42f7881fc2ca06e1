"""Whoever sleeps at any record of a log, and wakes up later: what they write changes nothing, or is no news."""

import copy
from collections.abc import Iterable, Iterator
from itertools import product

from prompt2pic.core.jobs import Job
from tests.model.bounds import Bounds
from tests.model.logs import Logs, View
from tests.model.moves import Here, Move, Moves
from tests.model.worker import NOTHING, Choice, Local, Steps

_LOST = "lost"  # the attempt of a claim that another's was before


class Sleepers:
    """Whoever has not read on from any record of a log, and wakes up to write what it had decided on."""

    def __init__(self, logs: Logs, steps: Steps, moves: Moves, bounds: Bounds) -> None:
        self._bounds = bounds
        self._logs = logs
        self._steps = steps
        self._moves = moves
        self._known: dict[Here, list[Move]] = {}
        self._idle: dict[Here, list[Move]] = {}
        self.woken = 0

    def moves(self, here: Here) -> list[Move]:
        """Return the moves of sleepers that count, and that nobody awake can make."""
        if here not in self._known:
            self._known[here], self._idle[here] = [], []
            for told, *sent in self._unlike(here):
                self.woken += 1
                if self._logs.view(0, here.requests, told.results).counted:
                    self._known[here] += [told, *sent]
                else:
                    self._idle[here].append(told)
        return self._known[here]

    def idle_moves(self, here: Here) -> list[Move]:
        """Return, only once, the moves that count for nothing."""
        return self._idle.pop(here, [])

    def _unlike(self, here: Here) -> Iterator[list[Move]]:
        ends = self._logs.requests.length(here.requests), self._logs.results.length(here.results)
        done = {moves[0].record for moves in self._by_what_they_read(here, Local(0, *ends))}
        for read in product(range(ends[0] + 1), range(ends[1] + 1)):
            sleeper = Local(0, *read)
            if self._was_at_the_end(here, sleeper):
                for moves in self._of_sleeper(here, sleeper):
                    if moves[0].record not in done:
                        done.add(moves[0].record)
                        yield moves

    def _was_at_the_end(self, here: Here, sleeper: Local) -> bool:
        """Whether these may once have been all records: nothing happens to a job before it is asked for."""
        return all(job is None or job.request is not None for job in self._view(here, sleeper).jobs)

    def _of_sleeper(self, here: Here, at: Local) -> Iterator[list[Move]]:
        yield from self._by_what_they_read(here, at)
        yield from self._before_they_read_back(here, at)
        now = self._logs.view(0, here.requests, here.results).jobs
        for number, job in enumerate(self._view(here, at).jobs):
            if job is not None and job.token not in (None, getattr(now[number], "token", None)):
                yield from self._of_lost(here, at, job, number)

    def _by_what_they_read(self, here: Here, at: Local) -> Iterator[list[Move]]:
        """Yield the moves of whoever has no job, and of those who hold one."""
        yield from self._made(here, at, self._steps.choices(here.requests, here.results, at, here.tick))
        for number, job in enumerate(self._view(here, at).jobs):
            if job is not None and job.token is not None:
                yield from self._made(here, at, self._steps.words_of(job, number))

    def _of_lost(self, here: Here, at: Local, job: Job, number: int) -> Iterator[list[Move]]:
        """Yield the moves of an attempt that is over, as if the job had been tried as often as may be before it.

        For in another log that looks the same it may have been.
        """
        for tried in product(range(self._bounds.max_attempts), range(self._bounds.max_stalls), (0, 1)):
            other = copy.copy(job)
            other.attempts, other.stalls, other.started = tried
            yield from self._made(here, at, self._steps.words_of(other, number))

    def _before_they_read_back(self, here: Here, at: Local) -> Iterator[list[Move]]:
        for worker in self._claimants(here, at):
            yield from self._made(
                here, at, self._steps.choices(here.requests, here.results, worker, here.tick)
            )

    def _made(self, here: Here, at: Local, choices: Iterable[Choice]) -> Iterator[list[Move]]:
        """Yield what comes of each step that writes something."""
        for choice in choices:
            if choice.record is not NOTHING or choice.kind == "claim":
                yield self._moves.made(here, at, choice)

    def _claimants(self, here: Here, at: Local) -> Iterator[Local]:
        """Yield whoever has claimed a job, first or not, and not read that back."""
        now = self._logs.view(0, here.requests, here.results).jobs
        for number, job in enumerate(self._view(here, at).jobs):
            if job is not None and job.end is None:
                claimed = at._replace(phase="claiming", job=number, attempt=_LOST, claimed=at.results)
                yield claimed
                token = getattr(now[number], "token", None)
                if token is not None and token.offset >= at.results:
                    yield claimed._replace(attempt=token.attempt, claimed=token.offset)

    def _view(self, here: Here, at: Local) -> View:
        return self._steps.view(here.requests, here.results, at)
