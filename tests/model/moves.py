"""What comes of a worker's steps: what is in the log then, and where the worker stands."""

from typing import NamedTuple

from prompt2pic.core.events import Claimed
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from tests.model.logs import Logs, Written, through_the_log
from tests.model.settle import Here, Settler
from tests.model.worker import NOTHING, Choice, Local


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

    def __init__(self, logs: Logs, settler: Settler) -> None:
        self._logs = logs
        self._settler = settler
        self._known: dict[tuple[Here, Local], list[Move]] = {}

    def of(self, here: Here, worker: Local) -> list[Move]:
        """Return the moves of a worker."""
        found = self._known.get((here, worker))
        if found is None:
            choices = self._settler.choices(here, worker)
            found = [move for before, choice in choices for move in self.made(here, before, choice)]
            self._known[here, worker] = found
        return found

    def made(self, here: Here, before: Local, choice: Choice) -> list[Move]:
        """Return what may come of a step: the log takes what it writes, or it never learns whether it did."""
        if choice.kind == "claim":
            return self._claims(here, before, choice)
        if choice.record is NOTHING:
            after = self._settler.settle(here, choice.after)
            return [Move(choice.kind, choice.cost, before, after, here.results, frontier=choice.frontier)]
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
