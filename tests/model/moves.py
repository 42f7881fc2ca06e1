"""What comes of a worker's steps: what is in the log then, and where the worker stands."""

from collections.abc import Iterator
from typing import NamedTuple

from prompt2pic.core.events import Claimed
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from tests.model.logs import Logs, Written, through_the_log
from tests.model.worker import NOTHING, Choice, Local, Steps


class Here(NamedTuple):
    """What the steps of a worker depend on beside its own state; `unknowns` gives a claim its attempt's id."""

    requests: int
    results: int
    unknowns: int
    tick: int


class Move(NamedTuple):
    """A worker's step and what came of it: `record` is in the log (of which `results` is the end) or `away`."""

    kind: str
    cost: str
    before: Local
    after: Local
    results: int
    record: Written | None = None
    away: bool = False
    frontier: Frontier | None = None


class Moves:
    """Every move of a worker, remembered: other workers do the same things at the same places."""

    def __init__(self, logs: Logs, steps: Steps) -> None:
        self._logs = logs
        self._steps = steps
        self._known: dict[tuple[Here, Local], list[Move]] = {}

    def of(self, here: Here, worker: Local) -> list[Move]:
        """Return the moves of a worker, which may read on before each of them."""
        found = self._known.get((here, worker))
        if found is None:
            found = self._known[here, worker] = [
                move
                for at in self._reading_on(here, worker)
                for choice in self._steps.choices(here.requests, here.results, at, here.tick)
                for move in self.made(here, at, choice)
            ]
        return found

    def _reading_on(self, here: Here, worker: Local) -> Iterator[Local]:
        for results in range(worker.results, self._logs.results.length(here.results) + 1):
            worker = self._steps.read(here.requests, here.results, worker._replace(results=results))
            yield worker

    def made(self, here: Here, before: Local, choice: Choice) -> list[Move]:
        """Return what may come of a step: the log takes what it writes, or it never learns whether it did."""
        if choice.kind == "claim":
            return self._claims(here, before, choice)
        if choice.record is NOTHING:
            return [
                Move(choice.kind, choice.cost, before, choice.after, here.results, frontier=choice.frontier)
            ]
        moves = [self._told(here, before, choice, choice.record, choice.after)]
        if here.unknowns and choice.unsure is not None:
            moves.append(self._sent(here, before, choice, choice.record, choice.unsure))
        return moves

    def _claims(self, here: Here, before: Local, choice: Choice) -> list[Move]:
        offset = self._logs.results.length(here.results)
        job = self._logs.view(0, here.requests, 0).jobs[choice.job]
        assert job is not None
        claiming = choice.after._replace(attempt=str(offset), claimed=offset)
        moves = [self._told(here, before, choice, _claim(job, str(offset)), claiming)]
        if here.unknowns:
            claiming = choice.after._replace(attempt=f"u{here.unknowns}")
            moves.append(self._sent(here, before, choice, _claim(job, claiming.attempt), claiming))
        return moves

    def _told(self, here: Here, before: Local, choice: Choice, record: Written, after: Local) -> Move:
        results = self._logs.results.child(here.results, record)
        return Move(choice.kind, choice.cost, before, after, results, record)

    def _sent(self, here: Here, before: Local, choice: Choice, record: Written, after: Local) -> Move:
        return Move(choice.kind, choice.cost, before, after, here.results, record, away=True)


def _claim(job: Job, attempt: str) -> Written:
    event = Claimed(
        request=job.id,
        at=job.at,
        attempt=attempt,
        worker="worker",
        model="m",
        level="best",
        lease=15.0,
        predicted=1.0,
    )
    return Written(through_the_log(event), attempt)
