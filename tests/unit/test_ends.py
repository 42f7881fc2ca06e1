"""Every request that was accepted ends, once workers are there that do no more than the core tells them to."""

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2pic.core import decide
from prompt2pic.core.dispatch import candidates, pick, rank
from prompt2pic.core.events import Claimed, Event, Started, encode_event
from prompt2pic.core.forecast import Load
from prompt2pic.core.jobs import Job
from prompt2pic.core.lease import Watch, lease_seconds
from prompt2pic.core.ledger import REMEMBERED, Frontier
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.quality import Targets, choose
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import WorkerState
from tests.unit.histories import History, histories
from tests.unit.samples import HOUR, MODEL, delivered, picture, progressed, request, worker

MAX_ATTEMPTS = 3
ENOUGH = 900  # seconds in which a fair scheduler is through with everything
OTHER = MODEL.__class__(name="other", sizes=MODEL.sizes, levels=MODEL.levels)


class World:
    """A log, a clock that all agree on, and the workers that are there."""

    def __init__(self, history: History) -> None:
        self.records = list(history.records)
        self.now = history.end + 1
        self.ends = {topic: len(history.of(topic)) for topic in (REQUESTS, RESULTS)}
        self.crew: list[Worker] = []

    def append(self, topic: str, value: bytes) -> None:
        """Append a record."""
        self.records.append(Record(Place(topic, 0), self.ends[topic], "", value, self.now))
        self.ends[topic] += 1

    def ask(self, body: Request) -> None:
        """Accept a request."""
        self.append(REQUESTS, encode_request(body))

    def live(self) -> list[WorkerState]:
        """Return what the workers tell of themselves."""
        return [each.me for each in self.crew]

    def step(self) -> None:
        """Let a second pass, and everybody do what there is to do."""
        self.now += 1000
        for each in self.crew:
            each.step()


class Worker:
    """Paints in three seconds; `mishap` may make an attempt, or the worker, go wrong."""

    def __init__(self, world: World, me: WorkerState, mishap: Callable[[], str]) -> None:
        self.world, self.me, self.mishap = world, me, mishap
        self.restart()

    def restart(self, frontier: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        """Begin with nothing but what the log holds."""
        self.queue, self.watch, self.speeds = Queue({0: frontier}), Watch(), Speeds()
        self.queue.listeners.append(lambda job, event: self.watch.heard(job))
        self.queue.listeners.append(self.speeds.learn)
        self.read, self.start = 0, frontier
        self.attempt, self.steps, self.idle, self.paused = "", 0, 0.0, 0
        self.expired: set[tuple[str, int]] = set()

    def step(self) -> None:
        """Read everything, then expire, give up, deliver, and paint or claim."""
        if self.paused:
            self.paused -= 1
            return
        for record in self.world.records[self.read :]:
            if record.offset >= (
                self.start.requests if record.place.topic == REQUESTS else self.start.results
            ):
                self.queue.apply(record)
        self.read = len(self.world.records)
        self.watch.tick(self.world.now / 1000)
        self.look_after_others()
        mine = next(
            (job for job in self.queue.held() if job.token and job.token.attempt == self.attempt), None
        )
        if mine is not None:
            self.paint(mine)
        else:
            self.attempt = ""
            self.claim()

    def look_after_others(self) -> None:
        """Do for all jobs what any worker does."""
        for name in self.watch.watched():
            job = self.queue.job(name)
            if job is not None and self.watch.expired(job) and (name, job.last) not in self.expired:
                self.expired.add((name, job.last))
                self.tell(decide.expiry(job, MAX_ATTEMPTS))
        for job in self.queue.open_jobs():
            if job.state == "waiting" and decide.too_old(job, self.world.now):
                self.tell(decide.refusal(job, "waited-too-long"))
            elif job.end is not None and not job.over:
                self.tell(delivered(job.id, job.at))

    def paint(self, job: Job) -> None:
        """Come a step further with the job, or not."""
        assert job.token is not None
        self.steps += 1
        mishap = self.mishap()
        if mishap == "fail":
            self.tell(decide.failure(job, "painter-crashed", MAX_ATTEMPTS))
        elif mishap == "release":
            self.tell(decide.release(job, "worker-stopping"))
        elif mishap == "die":
            self.restart(self.queue.advance(self.world.now)[0])
        elif mishap == "sleep":
            self.paused = 40
        elif self.steps == 1:
            self.tell(Started(request=job.id, at=job.at, token=job.token))
        elif self.steps == 2:
            self.tell(progressed(job.token, job.id, job.at))
        else:
            self.tell(decide.completion(job, (picture(),), 4, 3.0))

    def claim(self) -> None:
        """Take a job where there is one to take."""
        load = Load(self.world.live(), list(self.queue.held()), self.speeds, self.world.now)
        order = list(self.queue.upcoming(load.turn))
        place = rank(self.me.name, [each.name for each in load.idle()])
        offer, _ = pick(candidates(self.queue, self.me, load), place, self.idle)
        self.idle = 0.0 if offer else self.idle + 1.0
        if offer is None or self.mishap() == "not written":
            return
        job = offer.job
        choice = choose(job, order, self.me, load, Targets(), "best")
        self.attempt, self.steps = f"{self.me.name}.{len(self.world.records)}", 0
        self.tell(
            Claimed(
                request=job.id,
                at=job.at,
                attempt=self.attempt,
                worker=self.me.name,
                model=self.me.model.name,
                level=choice.level,
                lease=lease_seconds(0.0),
                predicted=choice.predicted or 1.0,
                by_age=offer.by_age,
            )
        )

    def tell(self, event: Event) -> None:
        """Append an event."""
        self.world.append(RESULTS, encode_event(event))


def watched_world(world: World) -> Queue:
    """Return the queue of somebody who read everything."""
    queue = Queue({0: Frontier()})
    for record in world.records:
        queue.apply(record)
    return queue


def not_over(world: World) -> list[str]:
    """Return the requests that are accepted and not over."""
    return [job.id for job in watched_world(world).open_jobs() if job.request is not None]


@settings(max_examples=60)
@given(histories, st.integers(1, 3), st.integers(0, 60), st.integers(0, 2**16))
def test_every_accepted_request_ends(history: History, workers: int, chaos: int, seed: int) -> None:
    """After any history and any mishaps, a quarter of an hour of fair work ends everything and tells everybody."""
    dice = random.Random(seed)
    mishaps = ["fail", "release", "die", "sleep", "not written", *[""] * 10]
    trouble = True
    world = World(history)
    for number in range(workers):
        state = worker(f"w{number}", model=OTHER if number else MODEL)
        world.crew.append(Worker(world, state, lambda: dice.choice(mishaps) if trouble else ""))
    for number, model in enumerate(["", MODEL.name, "other" if workers > 1 else ""]):
        world.ask(request(f"new{number}", person=f"p{number % 2}", model=model, notify=number == 1))
    for _ in range(chaos):
        world.step()
    trouble = False
    for _ in range(ENOUGH // 30):
        for _ in range(30):
            world.step()
        if not not_over(world):
            break
    assert not not_over(world)


@settings(max_examples=30)
@given(histories)
def test_the_frontier_follows_the_work(history: History) -> None:
    """What is over is left behind a day later: what a reader keeps, and has to read, does not grow for ever."""
    world = World(history)
    world.crew.append(Worker(world, worker("w0"), lambda: ""))
    for _ in range(ENOUGH // 30):
        for _ in range(30):
            world.step()
        if not not_over(world):
            break
    world.now += REMEMBERED
    world.ask(request("tomorrow"))
    queue = watched_world(world)
    assert queue.advance(world.now + HOUR)[0].requests == world.ends[REQUESTS] - 1
    assert [job.id for job in queue.open_jobs() if job.request] == ["tomorrow"]
