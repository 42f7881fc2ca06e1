"""Turns are start-time fair queueing, kept up in logarithmic time."""

from collections.abc import Iterator
from itertools import islice
from math import log2
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.events import JobEvent
from prompt2pic.core.jobs import Job
from prompt2pic.core.schedule import EVERY, Turn, Turns
from tests.unit.histories import thorough
from tests.unit.samples import (
    announced,
    apply,
    cancelled,
    claimed,
    expired,
    failed,
    finished,
    progressed,
    released,
    request,
)

PEOPLE = "abcd"
COSTS = (1.0, 2.0, 5.0, 16.0)  # seconds; sums of these are exact


class NaiveTurns:
    """The paper's rule, and that of age, with nothing clever: every number is kept, every order is made anew."""

    def __init__(self) -> None:
        self.clock = 0.0
        self.passed = 0
        self.latest = 0.0
        self.start: dict[str, float] = {}
        self.finish: dict[str, float] = {}
        self.waiting: dict[str, Job] = {}

    def line(self, person: str) -> list[Job]:
        mine = [job for job in self.waiting.values() if _person(job) == person]
        return sorted(mine, key=lambda job: (job.requested, job.partition, job.at, job.id))

    def add(self, job: Job) -> None:
        person = _person(job)
        if not self.line(person):
            self.start[person] = max(self.clock, self.finish.get(person, 0.0))
        self.waiting[job.id] = job

    def remove(self, job: Job) -> None:
        if self.waiting.pop(job.id, None) and not self.waiting:
            self.clock = max(self.clock, self.latest)

    def charge(self, person: str, seconds: float) -> None:
        self.passed += 1
        finish = self.finish.get(person, 0.0)
        start = self.start[person] if self.line(person) else max(self.clock, finish)
        self.clock = max(self.clock, start)
        self.start[person] = self.finish[person] = start + seconds
        self.latest = max(self.latest, start + seconds)

    def refund(self, person: str, seconds: float) -> None:
        self.start[person] = self.start.get(person, 0.0) - seconds
        self.finish[person] = self.finish.get(person, 0.0) - seconds

    def order(self, costs: dict[str, float]) -> list[Turn]:
        starts, passed = dict(self.start), self.passed
        lines = {person: line for person in PEOPLE if (line := self.line(person))}
        order = []
        while lines:
            by_age = passed >= EVERY - 1
            person = min(lines, key=lambda p: (not by_age and starts[p], *_key(lines[p][0])))
            first = lines[person].pop(0)
            order.append(Turn(first.id, by_age))
            starts[person] += 0.0 if by_age else costs[first.id]
            passed = 0 if by_age else passed + 1
            lines = {person: line for person, line in lines.items() if line}
        return order


def _key(job: Job) -> tuple[Any, ...]:
    return (job.requested, job.partition, job.at, job.id)


def _person(job: Job) -> str:
    assert job.request is not None
    return job.request.person


class World:
    """Jobs that change, and two schedules that hear of it."""

    def __init__(self) -> None:
        self.turns, self.naive = Turns(), NaiveTurns()
        self.jobs: dict[str, Job] = {}
        self.costs: dict[str, float] = {}
        self.offset = 0
        self.told: tuple[Job, JobEvent] | None = None

    def ask(self, person: str, requested: int, cost: float, *, joined: bool = True) -> Job:
        """Have a person ask; not `joined` stands for a request that was not read yet."""
        number = len(self.jobs)
        job = Job(f"{number:04}", number % 2, number // 2, requested=requested)
        self.jobs[job.id], self.costs[job.id] = job, cost
        if joined:
            self.join(job, person)
        return job

    def join(self, job: Job, person: str) -> None:
        """Have the job's request arrive."""
        job.request = request(job.id, person=person)
        self.turns.changed(job, None)
        if job.state == "waiting":
            self.naive.add(job)
        elif job.claim is not None and job.claim.by_age:
            self.naive.passed = 0
        elif job.claim is not None:
            self.naive.charge(person, job.claim.predicted)

    def claim(self, job: Job) -> None:
        """Have a worker take the job."""
        turns = self.turns.order(self.costs.__getitem__, lambda id: True)
        by_age = next((turn.by_age for turn in turns if turn.id == job.id), False)
        self.tell(job, claimed(job.id, predicted=self.costs[job.id], by_age=by_age))

    def tell(self, job: Job, event: JobEvent) -> None:
        """Have something happen to the job; what does not count is not told to anybody."""
        self.offset += 1
        if not apply(job, self.offset, self.offset, event):
            return
        self.told = (job, event)
        self.turns.changed(job, event)
        if job.request is not None:
            self._tell_naive(job, event, _person(job))

    def upcoming(self) -> list[str]:
        """Return the whole order."""
        return list(self.turns.upcoming(self.costs.__getitem__))

    def order(self) -> list[Turn]:
        """Return the whole order, with what comes by age."""
        return list(self.turns.order(self.costs.__getitem__, lambda id: True))

    def _tell_naive(self, job: Job, event: JobEvent, person: str) -> None:
        kind = type(event).__name__
        by_age = job.claim is not None and job.claim.by_age
        if kind == "Claimed" and by_age:
            self.naive.passed = 0
        elif kind == "Claimed":
            self.naive.charge(person, self.costs[job.id])
        elif kind in ("Released", "Failed", "Expired") and job.end is None and not by_age:
            self.naive.refund(person, self.costs[job.id])
        if job.state == "waiting" and job.id not in self.naive.waiting:
            self.naive.add(job)
        elif job.state != "waiting":
            self.naive.remove(job)


class Change(NamedTuple):
    """One thing that happens: what, to whom or which job, how dear."""

    kind: str
    which: int
    cost: float
    person: str
    requested: int


KINDS = [
    *("ask", "ask", "claim", "claim", "finish", "finish"),
    *(
        "unread",
        "join",
        "release",
        "fail",
        "expire",
        "give up",
        "cancel",
        "announce",
        "progress",
        "claim any",
    ),
]
changes = st.integers(0, 60).flatmap(
    lambda size: st.lists(
        st.builds(
            Change,
            st.sampled_from(KINDS),
            st.integers(0, 30),
            st.sampled_from(COSTS),
            st.sampled_from(PEOPLE),
            st.integers(1, 5),
        ),
        min_size=size,
        max_size=size,
    )
)


def change(world: World, what: Change) -> None:
    """Have it happen, where there is a job that it can happen to."""
    if what.kind in ("ask", "unread"):
        world.ask(what.person, what.requested, what.cost, joined=what.kind == "ask")
        return
    if what.kind == "claim":
        order = world.naive.order(world.costs)
        if order:
            world.claim(world.jobs[order[what.which % 3 % len(order)].id])
        return
    fitting = [job for job in world.jobs.values() if _fits(job, what.kind)]
    if not fitting:
        return
    job = fitting[what.which % len(fitting)]
    if what.kind == "join":
        world.join(job, what.person)
    elif what.kind == "claim any":
        world.claim(job)
    else:
        world.tell(job, _event(job, what.kind))


def _fits(job: Job, kind: str) -> bool:
    if kind == "join":
        return job.request is None
    if kind == "claim any":
        return job.state == "waiting"
    if kind in ("finish", "release", "fail", "expire", "progress"):
        return job.state == "held"
    return job.end is None


def _event(job: Job, kind: str) -> JobEvent:
    if job.token is None or kind in ("give up", "cancel", "announce"):
        other: dict[str, JobEvent] = {
            "give up": failed(None, job.id, final=True),
            "announce": announced(1, job.id),
        }
        return other.get(kind) or cancelled(job.id)
    events: dict[str, JobEvent] = {
        "finish": finished(job.token, job.id),
        "release": released(job.token, job.id),
        "fail": failed(job.token, job.id),
        "expire": expired(job.token, job.last, job.id),
        "progress": progressed(job.token, job.id),
    }
    return events[kind]


@thorough
@given(changes, st.integers(1, 20))
def test_turns_are_those_of_the_paper(script: list[Change], every: int) -> None:
    """After any changes, looked at as often as you like, the order is that of fair queueing done naively."""
    world = World()
    for number, what in enumerate(script, 1):
        change(world, what)
        check_counts(world)
        if number % every == 0:
            check_order(world)
    check_order(world)


def check_counts(world: World) -> None:
    """Prove that it is known how many wait, of each person and in all."""
    waiting = [job for job in world.jobs.values() if job.state == "waiting" and job.request]
    assert len(world.turns) == len(waiting)
    for person in PEOPLE:
        assert world.turns.waiting_of(person) == sum(_person(job) == person for job in waiting)


def check_order(world: World) -> None:
    """Prove that each waiting job comes once, each person's in order of request, people by the paper's rule."""
    waiting = [job for job in world.jobs.values() if job.state == "waiting" and job.request]
    order = world.upcoming()
    assert sorted(order) == sorted(job.id for job in waiting)
    assert world.order() == world.naive.order(world.costs)
    assert world.turns.oldest() == min((job.requested for job in waiting), default=None)
    for person in PEOPLE:
        mine = [job for job in order if _person(world.jobs[job]) == person]
        assert mine == sorted(mine, key=lambda job: _key(world.jobs[job]))


@given(changes)
def test_looking_changes_nothing(script: list[Change]) -> None:
    """An order that was looked at in part, or by another's idea of the costs, is the same as before."""
    world = World()
    for what in script:
        change(world, what)
    before = world.upcoming()
    assert list(islice(world.turns.upcoming(lambda job: 3.0), 2)) == list(
        islice(world.turns.upcoming(lambda job: 3.0), 2)
    )
    assert world.upcoming() == before


@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "ask", "serve"]), st.sampled_from(PEOPLE), st.sampled_from(COSTS))
    )
)
def test_nobody_is_served_much_more_than_who_waits(script: list[tuple[str, str, float]]) -> None:
    """While a person waits, nobody gets more seconds by turn than that person got and one job of each of the two."""
    world = World()
    served = dict.fromkeys(PEOPLE, 0.0)
    since: dict[tuple[str, str], float] = {}
    for what, person, cost in script:
        if what == "ask":
            world.ask(person, world.offset + 1, cost)
        elif order := world.order():
            first = world.jobs[order[0].id]
            world.claim(first)
            served[_person(first)] += 0.0 if order[0].by_age else world.costs[first.id]
        for a in PEOPLE:
            for b in PEOPLE:
                if not (world.turns.waiting_of(a) and world.turns.waiting_of(b)):
                    since.pop((a, b), None)
                    continue
                ahead = served[b] - served[a]
                least = since[a, b] = min(ahead, since.get((a, b), ahead))
                assert ahead - least <= 2 * max(COSTS)


arriving = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(COSTS)), max_size=4)


@thorough
@given(arriving, st.lists(arriving, max_size=120), st.booleans())
def test_nobody_starves(
    begin: list[tuple[str, float]], later: list[list[tuple[str, float]]], new: bool
) -> None:
    """A job is claimed after at most `EVERY` claims for each job asked before it that still waits, and for itself.

    Whoever comes meanwhile, however many; with `new` each of them is a person that nobody knows yet.
    """
    world = World()
    bound: dict[str, int] = {}

    def ask(person: str, cost: float) -> None:
        bound_of = EVERY * (len(world.turns) + 1)
        bound[world.ask(person, len(world.jobs) + 1, cost).id] = bound_of

    for person, cost in begin:
        ask(person, cost)
    for comers in later:
        order = world.upcoming()
        if order:
            world.claim(world.jobs[order[0]])
            bound.pop(order[0])
        bound = {job: claims - 1 for job, claims in bound.items()}
        assert all(claims > 0 for claims in bound.values())
        for person, cost in comers:
            ask(f"{person} {len(world.jobs)}" if new else person, cost)


def test_newcomers_do_not_keep_back_who_was_here_before() -> None:
    """Who was painted for a minute ago is ahead of the clock; newcomers for ever are not put before them for ever."""
    world = World()
    world.claim(world.ask("a", 1, 16.0))
    world.ask("z", 2, 1.0)
    again = world.ask("a", 3, 1.0)
    for number in range(EVERY + 1):
        world.ask(f"p{number}", number + 4, 1.0)
        first = world.upcoming()[0]
        world.claim(world.jobs[first])
        if first == again.id:
            return
    raise AssertionError("newcomers have kept them back")


def test_who_waits_longest_may_be_somebody_who_may_not_be_claimed() -> None:
    """A job that this worker may not take does not use up what goes by age."""
    world = World()
    held_back = world.ask("a", 1, 1.0)
    world.claim(world.ask("b", 2, 16.0))
    behind = world.ask("b", 3, 1.0)
    for number in range(2 * EVERY):
        world.ask(f"p{number}", number + 4, 1.0)
    turns = list(world.turns.order(world.costs.__getitem__, lambda job: job != held_back.id))
    assert held_back.id not in [turn.id for turn in turns]
    assert next(turn for turn in turns if turn.by_age).id == behind.id


@given(changes, changes)
def test_a_reader_that_starts_at_the_frontier_has_nearly_the_same_order(
    before: list[Change], after: list[Change]
) -> None:
    """Of what is claimed in turn, accounts hold one claim of a person's at the most, however much came before.

    So in the order of a reader that knows nothing of jobs that were over when it began, others' jobs before a
    person's next one are worth but a claim of each of the two more or less, beside what goes by age.
    """
    world = World()
    for what in (what for what in before if what.kind in ("ask", "claim", "finish", "cancel")):
        change(world, what._replace(which=0) if what.kind == "claim" else what)
    started = Turns()
    for job in world.jobs.values():
        if job.end is None:
            started.changed(job, None)
    others = [world.turns, started]
    for what in (what for what in after if what.kind in ("ask", "claim", "finish", "cancel")):
        known, offset = len(world.jobs), world.offset
        change(world, what._replace(which=0) if what.kind == "claim" else what)
        for job in list(world.jobs.values())[known:]:
            started.changed(job, None)
        if world.offset > offset and world.told:
            started.changed(*world.told)
    ahead = [_seconds_before(world, turns) for turns in others]
    for pair in ahead[0]:
        assert abs(ahead[0][pair] - ahead[1][pair]) <= 2 * max(COSTS)


def _seconds_before(world: World, turns: Turns) -> dict[tuple[str, str], float]:
    """Return how many seconds of each person come before the first job of each other, in turn."""
    got = dict.fromkeys(PEOPLE, 0.0)
    before: dict[tuple[str, str], float] = {}
    list(turns.upcoming(world.costs.__getitem__))  # the order is made when somebody asks for it
    for job in turns._by_turn(world.costs.__getitem__, lambda id: True, ()):
        person = _person(world.jobs[job])
        if got[person] == 0.0:
            before.update({(person, other): seconds for other, seconds in got.items() if other != person})
        got[person] += world.costs[job]
    return before


@pytest.mark.parametrize("flood", [1, 30, 1000])
def test_a_flood_delays_a_newcomer_by_one_job(flood: int) -> None:
    """Who comes to ask waits for one job of each other person at the most, however many they have waiting."""
    world = World()
    for number in range(flood):
        world.ask("a", number + 1, 5.0)
    for _ in range(3):
        if upcoming := world.upcoming():
            world.claim(world.jobs[upcoming[0]])
    for number in range(20):
        world.ask("b", flood + number + 1, 5.0)
    newcomer = world.ask("c", 2 * flood + 100, 5.0)
    assert world.upcoming().index(newcomer.id) <= 2


@given(
    st.lists(st.sampled_from(COSTS), min_size=1, max_size=20), st.lists(st.sampled_from(COSTS), max_size=60)
)
def test_a_flood_is_bounded_all_the_way(mine: list[float], flood: list[float]) -> None:
    """Before a person's n-th turn another one gets no more seconds by turn than that person did, and one job."""
    world = World()
    for cost in flood:
        world.ask("a", 1, cost)
    for cost in mine:
        world.ask("b", 2, cost)
    got = {"a": 0.0, "b": 0.0}
    for job, by_age in world.order():
        person = _person(world.jobs[job])
        if person == "b" and not by_age:
            assert got["a"] <= got["b"] + max(COSTS)
        got[person] += 0.0 if by_age else world.costs[job]


def test_the_oldest() -> None:
    """How long the longest has waited is known without a look at all that wait."""
    world = World()
    assert world.turns.oldest() is None
    jobs = [world.ask(person, requested, 1.0) for person, requested in [("a", 5), ("b", 3), ("a", 4)]]
    assert world.turns.oldest() == 3
    world.claim(jobs[1])
    assert world.turns.oldest() == 4


def test_an_id_waits_once() -> None:
    """A request that stands in two partitions has one turn."""
    world = World()
    first = world.ask("a", 1, 1.0)
    world.turns.changed(Job(first.id, 1, 0, first.request, 2), None)
    assert world.upcoming() == [first.id]


def test_one_person_alone_is_first_come_first_served() -> None:
    """Within a person nothing but the time of asking counts, not the cost."""
    world = World()
    jobs = [world.ask("a", requested, cost) for requested, cost in [(3, 1.0), (1, 16.0), (2, 5.0)]]
    assert world.upcoming() == [jobs[1].id, jobs[2].id, jobs[0].id]


def test_turns_alternate_by_seconds() -> None:
    """A person with short jobs gets more of them in the time of another's long one."""
    world = World()
    for number in range(2):
        world.ask("a", number + 1, 4.0)
    for number in range(8):
        world.ask("b", number + 3, 1.0)
    people = [_person(world.jobs[job]) for job in world.upcoming()]
    assert "".join(people) == "abbbbabbbb"


def test_an_attempt_that_failed_costs_nothing() -> None:
    """A job that was given back, failed or expired comes first again, as if it had not been taken."""
    world = World()
    for number in range(3):
        world.ask("a", number + 1, 5.0)
        world.ask("b", number + 1, 5.0)
    before = world.upcoming()
    for kind in ("release", "fail", "expire"):
        first = world.jobs[before[0]]
        world.claim(first)
        assert world.upcoming() != before
        world.tell(first, _event(first, kind))
        assert world.upcoming() == before


def test_a_claim_is_charged_when_its_request_is_read() -> None:
    """A job that was read only when it was held costs its person what it costs anybody."""
    world = World()
    others = [world.ask("b", number + 1, 1.0) for number in range(12)]
    world.claim(world.ask("a", 1, 5.0))
    unread = world.ask("a", 1, 2.0, joined=False)
    world.claim(unread)
    world.join(unread, "a")
    mine = world.ask("a", 99, 1.0)
    assert world.upcoming() == [*(job.id for job in others[:8]), mine.id, *(job.id for job in others[8:])]


def test_no_credit_is_saved_up() -> None:
    """Who was away while others were painted for starts level with them, not ahead of them."""
    world = World()
    for number in range(20):
        world.ask("a", number + 1, 5.0)
    for _ in range(10):
        world.claim(world.jobs[world.upcoming()[0]])
    for number in range(5):
        world.ask("b", number + 50, 5.0)
    assert [_person(world.jobs[job]) for job in world.upcoming()][:6] in (list("bababa"), list("ababab"))


class Seconds(float):
    """Seconds that count how often they are compared, and make what they are added to count, too."""

    compared = 0

    def _count(self, compare: str, other: object) -> Any:
        Seconds.compared += 1
        return getattr(float(self), compare)(other)

    def __lt__(self, other: object) -> Any:
        return self._count("__lt__", other)

    def __gt__(self, other: object) -> Any:
        return self._count("__gt__", other)

    def __le__(self, other: object) -> Any:
        return self._count("__le__", other)

    def __eq__(self, other: object) -> Any:
        return self._count("__eq__", other)

    def __add__(self, other: float) -> "Seconds":
        return Seconds(float(self) + float(other))

    __radd__ = __add__

    def __sub__(self, other: float) -> "Seconds":
        return Seconds(float(self) - float(other))

    __hash__ = float.__hash__


def _crowd(people: int, each: int) -> World:
    """Return a world in which many wait, and every comparison is counted."""
    world = World()
    for number in range(people * each):
        job = Job(f"{number:06}", 0, number, requested=1)
        job.requested = Seconds(number)  # type: ignore[assignment]  # counts
        job.request = request(job.id, person=f"p{number % people}")
        world.jobs[job.id], world.costs[job.id] = job, Seconds(1 + number % 3)
        world.turns.changed(job, None)
    next(world.turns.upcoming(world.costs.__getitem__))  # the order is made when somebody first asks for it
    return world


def _changes_of(world: World) -> Iterator[None]:
    """Take 300 jobs in turn; give back, cancel or finish some, have their people ask again."""
    for number in range(300):
        turn = next(world.turns.order(world.costs.__getitem__, lambda id: True))
        job = world.jobs[turn.id]
        for event in _life(world, job, number % 3, turn.by_age):
            world.offset += 1
            apply(job, world.offset, 1, event(job))
            world.turns.changed(job, event(job))
        yield


def _life(world: World, job: Job, kind: int, by_age: bool) -> list[Any]:
    take = [lambda job: claimed(job.id, predicted=world.costs[job.id], by_age=by_age)]
    if kind == 0:
        return take
    if kind == 1:
        return [*take, lambda job: cancelled(job.id)]
    return [lambda job: cancelled(job.id)]


@pytest.mark.parametrize("each", [1, 100])
def test_the_cost_of_a_change_does_not_grow_with_the_queue(each: int) -> None:
    """With a hundred times as many waiting, a change takes a few comparisons more: logarithmic, counted."""

    def cost(waiting: int) -> float:
        world = _crowd(waiting // each, each)
        Seconds.compared = 0
        return sum(1 for _ in _changes_of(world)) and Seconds.compared / 300

    small, large = cost(500), cost(50_000)
    assert large <= small + 12 * log2(100)


def test_the_next_few_do_not_cost_a_look_at_all() -> None:
    """To look at the next ten of 50,000 takes some hundred comparisons."""
    world = _crowd(25_000, 2)
    Seconds.compared = 0
    assert len(list(islice(world.turns.upcoming(world.costs.__getitem__), 10))) == 10
    assert Seconds.compared < 500


@pytest.mark.parametrize("looked_at", [False, True])
def test_jobs_taken_from_the_middle_of_a_line_are_forgotten(looked_at: bool) -> None:
    """A job that nobody may take yet does not make a person's line longer with every other one that goes."""
    world = World()
    stay = [world.ask("a", 1, 1.0), world.ask("a", 5000, 1.0)]
    for number in range(1000):
        goes = world.ask("a", number + 2, 1.0)
        if looked_at:
            assert world.upcoming() == [stay[0].id, goes.id, stay[1].id]
        world.claim(goes)
    assert world.upcoming() == [job.id for job in stay]
    assert _size(world.turns) < 500


def test_people_who_come_and_go_are_forgotten() -> None:
    """Of people who changed their mind nothing stays in the order of those who wait on."""
    world = World()
    stay = [world.ask("a", 1, 1.0), world.ask("z", 5000, 1.0)]
    for number in range(1000):
        goes = world.ask(f"p{number}", number + 2, 1.0)
        assert world.upcoming() == [stay[0].id, goes.id, stay[1].id]
        world.tell(goes, cancelled(goes.id))
    assert world.upcoming() == [job.id for job in stay]
    assert _size(world.turns) < 500


@pytest.mark.parametrize("rest", [0, 1])
def test_people_who_left_are_forgotten(rest: int) -> None:
    """Nothing is kept of people without waiting jobs once the others have caught up, or there are no others."""
    world = World()
    for number in range(2000):
        for _ in range(rest):
            world.ask("a", 2 * number + 1, 1.0)
        world.ask(f"p{number}", 2 * number + 2, 1.0)
        for job in world.upcoming()[:2]:
            world.claim(world.jobs[job])
    assert _size(world.turns) < 500


def test_who_was_painted_for_alone_owes_nothing() -> None:
    """What a person got while nobody else waited does not put them behind whoever comes later."""
    world = World()
    world.claim(world.ask("a", 1, 16.0))
    first = world.ask("a", 2, 1.0)
    second = world.ask("b", 3, 1.0)
    assert world.upcoming() == [first.id, second.id]


def _size(turns: Turns) -> int:
    """Return how many things a schedule keeps."""
    heaps = [turns._ages, *(line.heap for line in turns._lines.values())]
    return len(turns._placed) + len(turns._lines) + len(turns._heads) + sum(map(len, heaps))
