"""The space of states, and every step that leads from one to the next."""

from collections.abc import Iterator

from msgspec.structs import replace

from prompt2pic.core import decide
from prompt2pic.core.events import Claimed, Delivered, Erased, Event
from tests.model.alike import Alike
from tests.model.bounds import Bounds
from tests.model.checks import Checks
from tests.model.logs import PERSON, Asked, Logs, Written, young
from tests.model.moves import Here, Move, Moves
from tests.model.sleepers import Sleepers
from tests.model.states import State, Step
from tests.model.worker import Local, Steps


class Space:
    """All states within bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.logs = Logs(bounds.jobs, bounds.notify)
        self.checks = Checks(self.logs, bounds)
        self.steps = Steps(self.logs, bounds)
        self.moves = Moves(self.logs, self.steps)
        self.sleepers = Sleepers(self.logs, self.steps, self.moves, bounds)
        self.alike = Alike(self.logs, self.steps, self.checks)
        self.doing = Step("begin"), State(0, 0, (), bounds.faults)

    def first(self) -> State:
        """Return the state in which everything begins."""
        requests = 0
        for job in range(self.bounds.asked):
            requests = self.logs.requests.child(requests, Asked(job, 0))
        left = self.bounds.faults if self.bounds.whole else self.bounds.faults._replace(pauses=0)
        return self.settled(State(requests, 0, (Local(),) * self.bounds.workers, left))

    def after(self, state: State) -> Iterator[tuple[Step, State]]:
        """Yield every step from a state with the state that it leads to; `doing` are both before that is settled.

        Raises Violation where an invariant does not hold after that one.
        """
        for step, after in self._after(state):
            self.doing = step, after
            yield step, self.settled(after)

    def _after(self, state: State) -> Iterator[tuple[Step, State]]:
        here = Here(state.requests, state.results, state.left.unknowns, state.tick)
        for number, worker in enumerate(state.workers):
            if number and worker == state.workers[number - 1]:
                continue  # its twin does the same
            for move in self.moves.of(here, worker):
                if not move.cost or getattr(state.left, move.cost):
                    yield self._moved(state, number, move)
            if state.left.crashes:
                yield from self._crashed(state, number)
        if not self.bounds.whole:
            for move in self.sleepers.moves(here):
                yield self._moved(state, -1, move)
        yield from self._landings(state)
        yield from self._asks(state)
        yield from self._people(state)
        if state.left.ticks:
            yield Step("tick"), state._replace(tick=state.tick + 1, left=state.left.less("ticks"))
        if not self.bounds.whole:
            for move in self.sleepers.idle_moves(here):
                yield self._moved(state, -1, move)

    def _moved(self, state: State, number: int, move: Move) -> tuple[Step, State]:
        """Return what a worker's move leads to; a sleeper (number -1) stays as it is."""
        left, flying, workers = state.left, state.flying, state.workers
        if move.cost and number >= 0:
            left = left.less(move.cost)
        if move.away:
            assert move.record is not None
            left, flying = left.less("unknowns"), (*flying, move.record)
        if number >= 0:
            workers = (*workers[:number], move.after, *workers[number + 1 :])
        frontier = state.frontier if move.frontier is None else move.frontier
        step = Step(move.kind, number, move.before, move.record, move.away)
        return step, State(state.requests, move.results, workers, left, flying, frontier, state.tick)

    def _crashed(self, state: State, number: int) -> Iterator[tuple[Step, State]]:
        """Restart a worker: it acts only when it has read what was there when it started."""
        ends = self.logs.requests.length(state.requests), self.logs.results.length(state.results)
        spent = state._replace(left=state.left.less("crashes"))
        yield Step("restart", number), _with(spent, number, Local(0, *ends))
        if state.frontier is not None:
            lineage = self.logs.started_at(state.frontier)
            yield Step("restart there", number), _with(spent, number, Local(lineage, *ends))

    def _landings(self, state: State) -> Iterator[tuple[Step, State]]:
        for place, record in enumerate(state.flying):
            landed = state._replace(flying=state.flying[:place] + state.flying[place + 1 :])
            if isinstance(record, Asked):
                if young(record, state.tick):  # nothing is on its way for longer than that
                    yield self._asked(landed, "land", record)
            elif isinstance(record.event, Claimed):
                yield self._claim_comes(landed, record.event)
            else:
                yield self._told(landed, "land", record)

    def _claim_comes(self, state: State, claim: Claimed) -> tuple[Step, State]:
        """Append a claim, and call its attempt by its offset from now on, as all others are."""
        offset = str(self.logs.results.length(state.results))
        workers = tuple([worker.renamed(claim.attempt, offset) for worker in state.workers])
        landed = Written(replace(claim, attempt=offset), offset)
        return self._told(state._replace(workers=workers), "land", landed)

    def _asks(self, state: State) -> Iterator[tuple[Step, State]]:
        asked = self.logs.first_asked(state.requests)
        new = next((job for job in range(self.bounds.jobs) if job not in asked), None)
        if new is not None:
            record = Asked(new, state.tick)
            yield self._asked(state, "ask", record)
            if state.left.unknowns:
                sent = state._replace(flying=(*state.flying, record), left=state.left.less("unknowns"))
                yield Step("ask", record=record, away=True), sent
        if state.left.duplicates:
            repeated = state._replace(left=state.left.less("duplicates"))
            for job, tick in asked.items():
                if young(Asked(job, tick), state.tick):
                    yield self._asked(repeated, "ask again", Asked(job, state.tick))

    def _people(self, state: State) -> Iterator[tuple[Step, State]]:
        for kind, faults in (("cancel", "cancels"), ("erase", "erasures")):
            if getattr(state.left, faults):
                spent = state._replace(left=state.left.less(faults))
                for event in self._words(state, kind):
                    yield self._told(spent, kind, Written(event))
        for job in self.logs.view(0, state.requests, state.results).jobs:
            if job is not None and job.end is not None and not (job.over and self.bounds.whole):
                yield self._told(state, "deliver", Written(Delivered(request=job.id, at=job.at)))

    def _words(self, state: State, kind: str) -> Iterator[Event]:
        # What a person says of a job depends on its request alone: on no event of it.
        for job in self.logs.view(0, state.requests, 0).jobs:
            if job is not None:
                yield decide.cancellation(job, "person") if kind == "cancel" else decide.erasure(job)
        if kind == "erase":
            yield Erased(person=PERSON, upto=self.logs.requests.length(state.requests))

    def _told(self, state: State, kind: str, record: Written) -> tuple[Step, State]:
        results = self.logs.results.child(state.results, record)
        return Step(kind, record=record), state._replace(results=results)

    def _asked(self, state: State, kind: str, record: Asked) -> tuple[Step, State]:
        now = Asked(record.job, state.tick)  # the log stamps it when it comes
        requests = self.logs.requests.child(state.requests, now)
        return Step(kind, record=record), state._replace(requests=requests)

    def settled(self, state: State) -> State:
        """Return the state in one form of all that mean the same, its log checked."""
        if not self.bounds.whole:
            return self.alike.state(state)
        lineages = {worker.lineage for worker in state.workers}
        if state.frontier is not None:
            lineages.add(self.logs.started_at(state.frontier))
        self.checks.check(state.requests, state.results, lineages)
        read = self.logs.requests.length(state.requests)
        workers = [
            self.steps.read(state.requests, state.results, worker._replace(requests=read))
            for worker in state.workers
        ]
        return state._replace(workers=tuple(sorted(workers)))


def _with(state: State, number: int, worker: Local) -> State:
    return state._replace(workers=(*state.workers[:number], worker, *state.workers[number + 1 :]))
