"""The space of states, and every step that leads from one to the next."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from prompt2pic.core import decide
from prompt2pic.core.errors import Refused
from prompt2pic.core.events import Claimed, Erased, Event
from prompt2pic.core.intake import check_age
from prompt2pic.core.ledger import Frontier
from tests.model.bounds import Bounds, Left
from tests.model.logs import HALF_DAY, PERSON, Asked, Logs, Written
from tests.model.moves import Move, Moves
from tests.model.settle import Here, Settler
from tests.model.worker import Local, Steps


class State(NamedTuple):
    """Both topics (as nodes of their trees), the workers in order, and what is still on its way to the log.

    `frontier` is the committed one, `tick` the half-days that went by, `left` what may still go wrong.
    """

    requests: int
    results: int
    workers: tuple[Local, ...]
    left: Left
    flying: tuple[Written | Asked, ...] = ()
    frontier: Frontier | None = None
    tick: int = 0

    def here(self) -> Here:
        """Return what a worker's steps depend on."""
        return Here.of(self.requests, self.results, self.left, self.tick)


class Step(NamedTuple):
    """How a state was reached: who did what, and what of it is in the log now or on its way there."""

    kind: str
    worker: int = -1
    before: Local | None = None
    record: Written | Asked | None = None
    away: bool = False


class Space:
    """All states within bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.logs = Logs(bounds.jobs)
        self.steps = Steps(self.logs, bounds)
        self.settler = Settler(self.logs, self.steps, bounds)
        self.moves = Moves(self.logs, self.settler)

    def first(self) -> State:
        """Return the state in which everything begins."""
        requests = 0
        for job in range(self.bounds.asked):
            requests = self.logs.requests.child(requests, Asked(job, 0))
        return self._settled(State(requests, 0, (Local(),) * self.bounds.workers, self.bounds.faults))

    def after(self, state: State) -> Iterator[tuple[Step, State]]:
        """Yield every step from a state with the state that it leads to."""
        here = state.here()
        for number, worker in enumerate(state.workers):
            if number and worker == state.workers[number - 1]:
                continue  # its twin does the same
            for move in self.moves.of(here, worker):
                if not move.cost or getattr(state.left, move.cost):
                    yield (
                        Step(move.kind, number, move.before, move.record, move.away),
                        self._moved(state, number, move),
                    )
            if state.left.crashes:
                yield from self._crashed(state, number)
        yield from self._landings(state)
        yield from self._asks(state)
        yield from self._people(state)
        if state.left.ticks:
            later = state._replace(tick=state.tick + 1, left=state.left.less("ticks"))
            yield Step("tick"), self._settled(later)

    def _moved(self, state: State, number: int, move: Move) -> State:
        left, flying = state.left, state.flying
        if move.cost:
            left = left.less(move.cost)
        if move.away:
            assert move.record is not None
            left, flying = left.less("unknowns"), (*flying, move.record)
        workers = (*state.workers[:number], move.after, *state.workers[number + 1 :])
        frontier = state.frontier if move.frontier is None else move.frontier
        return self._settled(State(state.requests, move.results, workers, left, flying, frontier, state.tick))

    def _crashed(self, state: State, number: int) -> Iterator[tuple[Step, State]]:
        """Restart a worker: it acts only when it has read what was there when it started."""
        ends = self.logs.requests.length(state.requests), self.logs.results.length(state.results)
        spent = state._replace(left=state.left.less("crashes"))
        yield Step("restart", number), self._with(spent, number, Local(0, *ends))
        if state.frontier is not None:
            lineage = self.logs.started_at(state.frontier)
            yield Step("restart there", number), self._with(spent, number, Local(lineage, *ends))

    def _landings(self, state: State) -> Iterator[tuple[Step, State]]:
        for place, record in enumerate(state.flying):
            if isinstance(record, Asked) and not _young(record, state.tick):
                continue  # nothing is on its way for longer than that
            landed = state._replace(flying=state.flying[:place] + state.flying[place + 1 :])
            if isinstance(record, Asked):
                yield Step("land", record=record), self._asked(landed, record)
            elif isinstance(record.event, Claimed):
                yield Step("land", record=record), self._claim_comes(landed, record.event)
            else:
                yield Step("land", record=record), self._told(landed, record)

    def _claim_comes(self, state: State, claim: Claimed) -> State:
        """Append a claim, and call its attempt by its offset from now on, as all others are."""
        offset = str(self.logs.results.length(state.results))
        workers = tuple([worker.renamed(claim.attempt, offset) for worker in state.workers])
        return self._told(state._replace(workers=workers), Written(replace(claim, attempt=offset), offset))

    def _asks(self, state: State) -> Iterator[tuple[Step, State]]:
        asked = self.logs.requests.records(state.requests)
        new = next((job for job in range(self.bounds.jobs) if all(job != each.job for each in asked)), None)
        if new is not None:
            record = Asked(new, state.tick)
            yield Step("ask", record=record), self._asked(state, record)
            if state.left.unknowns:
                sent = state._replace(flying=(*state.flying, record), left=state.left.less("unknowns"))
                yield Step("ask", record=record, away=True), self._settled(sent)
        if state.left.duplicates:
            repeated = state._replace(left=state.left.less("duplicates"))
            for first in {each.job: each for each in reversed(asked)}.values():
                if _young(first, state.tick):
                    record = Asked(first.job, state.tick)
                    yield Step("ask again", record=record), self._asked(repeated, record)

    def _people(self, state: State) -> Iterator[tuple[Step, State]]:
        for kind, faults in (("cancel", "cancels"), ("erase", "erasures")):
            if getattr(state.left, faults):
                spent = state._replace(left=state.left.less(faults))
                for event in self._words(state, kind):
                    yield Step(kind, record=Written(event)), self._told(spent, Written(event))

    def _words(self, state: State, kind: str) -> Iterator[Event]:
        # What a person says of a job depends on its request alone: on no event of it.
        for job in self.logs.view(0, state.requests, 0).jobs:
            if job is not None:
                yield decide.cancellation(job, "person") if kind == "cancel" else decide.erasure(job)
        if kind == "erase":
            yield Erased(person=PERSON, upto=self.logs.requests.length(state.requests))

    def _told(self, state: State, record: Written) -> State:
        return self._settled(state._replace(results=self.logs.results.child(state.results, record)))

    def _asked(self, state: State, record: Asked) -> State:
        now = Asked(record.job, state.tick)  # the log stamps it when it comes
        return self._settled(state._replace(requests=self.logs.requests.child(state.requests, now)))

    def _with(self, state: State, number: int, worker: Local) -> State:
        workers = (*state.workers[:number], worker, *state.workers[number + 1 :])
        return self._settled(state._replace(workers=workers))

    def _settled(self, state: State) -> State:
        here = state.here()
        settle = self.settler.settle
        workers = sorted([settle(here, worker) for worker in state.workers])
        return State(state.requests, state.results, tuple(workers), *state[3:])


def _young(first: Asked, tick: int) -> bool:
    try:
        check_age(first.tick * HALF_DAY, tick * HALF_DAY)
    except Refused:
        return False
    return True
