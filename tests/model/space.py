"""The space of states, and every step that leads from one to the next."""

from collections.abc import Iterator
from typing import NamedTuple

from prompt2pic.core import decide
from prompt2pic.core.errors import Refused
from prompt2pic.core.events import Claimed, Erased, Event
from prompt2pic.core.intake import check_age
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from tests.model.bounds import Bounds, Left
from tests.model.logs import HALF_DAY, PERSON, Asked, Logs, Written
from tests.model.settle import Settler
from tests.model.worker import NOTHING, Choice, Local, Steps


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


class Step(NamedTuple):
    """How a state was reached: who did what, and what of it is in the log now or on its way there."""

    kind: str
    worker: int = -1
    before: Local | None = None
    record: Written | Asked | None = None
    landed: bool = True


class Space:
    """All states within bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.logs = Logs(bounds.jobs)
        self.steps = Steps(self.logs, bounds)
        self.settler = Settler(self.logs, self.steps, bounds)

    def first(self) -> State:
        """Return the state in which everything begins."""
        requests = 0
        for job in range(self.bounds.asked):
            requests = self.logs.requests.child(requests, Asked(job, 0))
        return self._settled(State(requests, 0, (Local(),) * self.bounds.workers, self.bounds.faults))

    def after(self, state: State) -> Iterator[tuple[Step, State]]:
        """Yield every step from a state with the state that it leads to."""
        for number, worker in enumerate(state.workers):
            if number and worker == state.workers[number - 1]:
                continue  # its twin does the same
            for before, choice in self.settler.moves(state, worker):
                if not choice.cost or getattr(state.left, choice.cost):
                    yield from self.chosen(state, number, before, choice)
            if state.left.crashes:
                yield from self._crashed(state, number)
        yield from self._landings(state)
        yield from self._asks(state)
        yield from self._people(state)
        if state.left.ticks:
            yield Step("tick"), self._settled(state._replace(tick=state.tick + 1, left=state.left.less("ticks")))

    def chosen(self, state: State, number: int, before: Local, choice: Choice) -> Iterator[tuple[Step, State]]:
        """Yield what comes of a worker's step: the log takes what it writes, or it never learns whether it did."""
        if choice.cost:
            state = state._replace(left=state.left.less(choice.cost))
        if choice.kind == "claim":
            yield from self._claims(state, number, before, choice)
        elif choice.record is NOTHING:
            frontier = choice.frontier if choice.kind == "commit" else state.frontier
            step = Step(choice.kind, number, before)
            yield step, self._with(state._replace(frontier=frontier), number, choice.after)
        else:
            yield from self._writes(state, number, before, choice)

    def _writes(self, state: State, number: int, before: Local, choice: Choice) -> Iterator[tuple[Step, State]]:
        written = self._told(state, choice.record)
        yield Step(choice.kind, number, before, choice.record), self._with(written, number, choice.after)
        if choice.unsure is not None and state.left.unknowns:
            away = self._sent(state, choice.record)
            step = Step(choice.kind, number, before, choice.record, landed=False)
            yield step, self._with(away, number, choice.unsure)

    def _claims(self, state: State, number: int, before: Local, choice: Choice) -> Iterator[tuple[Step, State]]:
        offset = self.logs.results.length(state.results)
        job = self._job(state, choice.job)
        record = _claim(job, str(offset))
        claiming = choice.after._replace(attempt=str(offset), claimed=offset)
        yield Step("claim", number, before, record), self._with(self._told(state, record), number, claiming)
        if state.left.unknowns:
            record = _claim(job, f"u{state.left.unknowns}")
            claiming = choice.after._replace(attempt=record.attempt)
            step = Step("claim", number, before, record, landed=False)
            yield step, self._with(self._sent(state, record), number, claiming)

    def _crashed(self, state: State, number: int) -> Iterator[tuple[Step, State]]:
        """Restart a worker: it acts only when it has read what was there when it started."""
        ends = self.logs.requests.length(state.requests), self.logs.results.length(state.results)
        state = state._replace(left=state.left.less("crashes"))
        yield Step("restart", number), self._with(state, number, Local(0, *ends))
        if state.frontier is not None:
            lineage = self.logs.started_at(state.frontier)
            yield Step("restart there", number), self._with(state, number, Local(lineage, *ends))

    def _landings(self, state: State) -> Iterator[tuple[Step, State]]:
        for place, record in enumerate(state.flying):
            if isinstance(record, Asked) and not self._young(record, state.tick):
                continue  # nothing is on its way for longer than that
            landed = state._replace(flying=state.flying[:place] + state.flying[place + 1 :])
            told = self._told(landed, record) if isinstance(record, Written) else self._asked(landed, record)
            yield Step("land", record=record), self._settled(told)

    def _asks(self, state: State) -> Iterator[tuple[Step, State]]:
        asked = self.logs.requests.records(state.requests)
        new = next((job for job in range(self.bounds.jobs) if all(job != each.job for each in asked)), None)
        if new is not None:
            record = Asked(new, state.tick)
            yield Step("ask", record=record), self._settled(self._asked(state, record))
            if state.left.unknowns:
                yield Step("ask", record=record, landed=False), self._settled(self._sent(state, record))
        if state.left.duplicates:
            repeated = state._replace(left=state.left.less("duplicates"))
            for first in {each.job: each for each in reversed(asked)}.values():
                if self._young(first, state.tick):
                    record = Asked(first.job, state.tick)
                    yield Step("ask again", record=record), self._settled(self._asked(repeated, record))

    def _people(self, state: State) -> Iterator[tuple[Step, State]]:
        asked = {each.job for each in self.logs.requests.records(state.requests)}
        for kind, faults in (("cancel", "cancels"), ("erase", "erasures")):
            if getattr(state.left, faults):
                spent = state._replace(left=state.left.less(faults))
                for event in self._words(state, kind, asked):
                    yield Step(kind, record=Written(event)), self._settled(self._told(spent, Written(event)))

    def _words(self, state: State, kind: str, asked: set[int]) -> Iterator[Event]:
        for job in asked:
            seen = self._job(state, job)
            yield decide.cancellation(seen, "person") if kind == "cancel" else decide.erasure(seen)
        if kind == "erase":
            yield Erased(person=PERSON, upto=self.logs.requests.length(state.requests))

    def _job(self, state: State, number: int) -> Job:
        # What a person, or a claim, says of a job depends on its request alone: on no event of it.
        job = self.logs.view(0, state.requests, 0).jobs[number]
        assert job is not None
        return job

    def _young(self, first: Asked, tick: int) -> bool:
        try:
            check_age(first.tick * HALF_DAY, tick * HALF_DAY)
        except Refused:
            return False
        return True

    def _told(self, state: State, record: Written) -> State:
        return state._replace(results=self.logs.results.child(state.results, record))

    def _asked(self, state: State, record: Asked) -> State:
        now = Asked(record.job, state.tick)  # the log stamps it when it comes
        return state._replace(requests=self.logs.requests.child(state.requests, now))

    def _sent(self, state: State, record: Written | Asked) -> State:
        return state._replace(flying=(*state.flying, record), left=state.left.less("unknowns"))

    def _with(self, state: State, number: int, worker: Local) -> State:
        workers = (*state.workers[:number], worker, *state.workers[number + 1 :])
        return self._settled(state._replace(workers=workers))

    def _settled(self, state: State) -> State:
        return state._replace(workers=tuple([self.settler.settle(state, worker) for worker in state.workers]))


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
    return Written(event, attempt)
