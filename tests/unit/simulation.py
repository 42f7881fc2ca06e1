"""A discrete-event simulation of the real core: its queue, turns, choice, forecast, quality and speeds."""

import heapq
import random
from collections.abc import Iterable
from typing import NamedTuple

from prompt2pic.core.dispatch import candidates, pick, rank
from prompt2pic.core.forecast import UNPREDICTED, Load
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.quality import Choice, Targets, choose
from prompt2pic.core.queue import Offer, Queue
from prompt2pic.core.requests import Request
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import WorkerState
from tests.unit.samples import asked, claimed, finished, request, told, worker

BEGIN = 1_000_000_000  # ms since the epoch; no clock reads 0


class Arrival(NamedTuple):
    """A request that comes some seconds after the beginning."""

    at: float
    body: Request


class Turn(NamedTuple):
    """A claim that counted: whose, of which job, the seconds predicted for it, the job's wait, and if by age."""

    person: str
    job: str
    predicted: float
    waited: float
    by_age: bool


class _Hand:
    """A simulated worker: what it is at, and since when (ms) it has been at nothing."""

    def __init__(self, name: str) -> None:
        self.state: WorkerState = worker(name)
        self.level = "best"
        self.job: Job | None = None
        self.idle_since = BEGIN


class Simulation:
    """Some workers and what comes to them; a painting takes up to a fifth less or more than the worker measured."""

    def __init__(self, workers: int, arrivals: Iterable[Arrival], seed: int = 0) -> None:
        self.queue = Queue({0: Frontier()})
        self.speeds = Speeds()
        self.queue.listeners.append(self.speeds.learn)
        self.turns: list[Turn] = []
        self.asked: list[tuple[int, str]] = []
        self._hands = [_Hand(f"w{number}") for number in range(workers)]
        self._dice = random.Random(seed)
        self._now = self._changed = BEGIN
        self._offsets = {"requests": 0, "results": 0}
        self._due: list[tuple[int, int, object]] = []
        for arrival in arrivals:
            self._at(BEGIN + round(arrival.at * 1000), arrival.body)

    def run(self) -> "Simulation":
        """Run until nobody waits and nothing is painted."""
        while self._due:
            self._now = self._due[0][0]
            while self._due and self._due[0][0] == self._now:
                self._happen(heapq.heappop(self._due)[2])
            while self._claim_all():
                pass
        assert not len(self.queue.turns), "somebody waits for ever"
        return self

    def waits(self, but: str = "") -> list[float]:
        """Return, ascending, the seconds from request to claim of everybody but one."""
        return sorted(turn.waited for turn in self.turns if turn.person != but)

    def _at(self, when: int, what: object) -> None:
        heapq.heappush(self._due, (when, len(self._due) + self._offsets["results"] * 1000, what))

    def _happen(self, what: object) -> None:
        if isinstance(what, Request):
            self.queue.apply(asked(self._next("requests"), what, self._now))
            self.asked.append((len(self.turns), what.id))
            self._changed = self._now
        elif isinstance(what, _Hand) and what.job is not None:
            self._finish(what)

    def _next(self, topic: str) -> int:
        self._offsets[topic] += 1
        return self._offsets[topic] - 1

    def _claim_all(self) -> bool:
        """Have all idle workers look at the same queue, then write; return whether one has lost to another."""
        load = Load([hand.state for hand in self._hands], list(self.queue.held()), self.speeds, self._now)
        wanted = [(hand, self._choose(hand, load)) for hand in self._hands if hand.job is None]
        outcomes = [self._claim(hand, *found) for hand, found in wanted if found is not None]
        return not all(outcomes)

    def _choose(self, hand: _Hand, load: Load) -> tuple[Offer, Choice] | None:
        upcoming = candidates(self.queue, hand.state, load)
        waited = (self._now - max(self._changed, hand.idle_since)) / 1000
        place = rank(hand.state.name, [each.name for each in load.idle()])
        offer, again = pick(upcoming, place, waited)
        if again:
            self._at(self._now + max(1, round(again * 1000)), None)
        if offer is None:
            return None
        others = self.queue.upcoming(load.turn)
        return offer, choose(offer.job, others, hand.state, load, Targets(), hand.level)

    def _claim(self, hand: _Hand, offer: Offer, choice: Choice) -> bool:
        job = offer.job
        predicted = UNPREDICTED if choice.predicted is None else choice.predicted
        won = job.state == "waiting"
        event = claimed(
            job.id,
            job.at,
            worker=hand.state.name,
            level=choice.level,
            predicted=predicted,
            by_age=offer.by_age,
            attempt=f"{hand.state.name} {self._offsets['results']}",
        )
        offset = self._next("results")
        self.queue.apply(told(offset, event, self._now))
        if won:
            assert job.request is not None
            hand.job, hand.level = job, choice.level
            waited = (self._now - job.requested) / 1000
            self.turns.append(Turn(job.request.person, job.id, predicted, waited, offer.by_age))
            self._changed = self._now
            seconds = hand.state.seconds[choice.level] * job.request.count * self._dice.uniform(0.8, 1.2)
            self._at(self._now + round(seconds * 1000), hand)
        return won

    def _finish(self, hand: _Hand) -> None:
        job = hand.job
        assert job is not None
        assert job.token is not None
        assert job.request is not None
        token = job.token
        event = finished(
            token,
            job.id,
            job.at,
            worker=hand.state.name,
            level=hand.level,
            seconds=(self._now - job.claimed) / 1000,
        )
        self.queue.apply(told(self._next("results"), event, self._now))
        hand.job, hand.idle_since = None, self._now


def ask(person: str, number: int, at: float = 0.0, level: str = "auto", count: int = 1) -> Arrival:
    """Return the n-th request of a person."""
    return Arrival(at, request(f"{person} {number}", person=person, level=level, count=count))
