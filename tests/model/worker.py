"""What a worker may do next: the steps of `worker/`, decided by the real `core.decide` and `core.dispatch`."""

from collections.abc import Iterator
from typing import NamedTuple

from prompt2pic.core import decide, dispatch
from prompt2pic.core.events import Event, Picture, Started
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.ports import Level, Model
from prompt2pic.core.workers import WorkerState
from prompt2pic.worker.attempt import Attempt
from tests.model.bounds import Bounds
from tests.model.logs import HALF_DAY, Logs, View, Written, through_the_log

# All workers are alike, so that states in which they have changed places are one. Two are live: what crashed
# at one of them is left to the other for a while, and this while may be over at any time.
ME = WorkerState(
    name="worker",
    state="ready",
    model=Model(name="m", sizes=((64, 64),), levels=(Level(name="best", steps=1),)),
    seconds={},
)
_LIVE = 2
_LATER = 2 * 60 * 1000  # ms after which no crash delays a job any more
_PICTURES = (Picture(key="k", seed=1, width=64, height=64, painted_width=64, painted_height=64),)
NOTHING = Written(None)  # type: ignore[arg-type]  # what a step writes that writes nothing


class Local(NamedTuple):
    """One worker: which ledger it has, how far it read, and where its one attempt stands.

    `claimed` is the claim's offset, -1 where it is not known. `said` counts an attempt's `progressed`;
    in phase `ending` it is the last word that goes on being written. `late` are given up claims.
    """

    lineage: int = 0
    requests: int = 0
    results: int = 0
    phase: str = "idle"
    job: int = -1
    attempt: str = ""
    claimed: int = -1
    said: int = 0
    late: tuple[str, ...] = ()

    def idle(self) -> "Local":
        """Return the worker without an attempt."""
        return self._replace(phase="idle", job=-1, attempt="", claimed=-1, said=0)

    def renamed(self, old: str, new: str) -> "Local":
        """Return the worker with another name for an attempt."""
        late = tuple(new if name == old else name for name in self.late)
        return self._replace(attempt=new if self.attempt == old else self.attempt, late=late)


class Choice(NamedTuple):
    """A step: what it writes, and the worker after it where the log acknowledged that, and where it did not.

    A claim is written with the attempt's id, which the log's end gives it. `cost` is a fault it uses up.
    """

    kind: str
    record: Written
    after: Local
    unsure: Local | None = None
    cost: str = ""
    job: int = -1
    frontier: Frontier | None = None


class Steps:
    """The decisions of workers at views of the log."""

    def __init__(self, logs: Logs, bounds: Bounds) -> None:
        self._logs = logs
        self._bounds = bounds
        self.words: list[Written] = []
        self._said: dict[Written, int] = {}

    def view(self, requests: int, results: int, worker: Local) -> View:
        """Return what the worker sees of a log that it may not have read to its end."""
        read = (
            self._logs.requests.paths[requests][worker.requests],
            self._logs.results.paths[results][worker.results],
        )
        return self._logs.view(worker.lineage, *read)

    def read(self, requests: int, results: int, worker: Local) -> Local:
        """Return the worker once it has folded what it is to have read: it lets go of what it lost."""
        if worker.phase == "idle":
            return worker
        job = self._own(self.view(requests, results, worker), worker)
        if worker.phase == "claiming":
            return worker.idle() if self._outcome(job, worker, patient=True) == "lost" else worker
        return worker if decide.holds(job, worker.attempt) else worker.idle()

    def number(self, word: Written) -> int:
        """Return a number for a last word."""
        number = self._said.setdefault(word, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        return number

    def claimable(self, view: View, tick: int) -> Iterator[int]:
        """Yield the jobs that a worker may claim."""
        now = tick * HALF_DAY + _LATER
        for number, job in enumerate(view.jobs):
            if job is not None and job.state == "waiting" and dispatch.eligible(job, ME, _LIVE, now):
                yield number

    def choices(self, requests: int, results: int, worker: Local, tick: int) -> Iterator[Choice]:
        """Yield every step of a worker that has read so far of this log."""
        view = self.view(requests, results, worker)
        yield from self._of_attempt(view, worker, tick)
        yield from self._of_late_claims(view, worker)
        logs = self._logs
        fresh = worker.results == logs.results.length(results) and worker.requests == logs.requests.length(
            requests
        )
        yield from self._of_upkeep(view, worker, tick, "" if fresh else "pauses")
        if self._bounds.faults.commits:
            yield self._commit(requests, results, worker, tick)

    def words_of(self, job: Job, number: int) -> Iterator[Choice]:
        """Yield what may be written of a job by whoever sees it held: by its holder, begun or not, and others."""
        assert job.token is not None
        view = View((*[None] * number, job), False, ())
        holder = Local(job=number, attempt=job.token.attempt, claimed=job.token.offset)
        yield from self._of_attempt(view, holder._replace(phase="claiming"), 0)
        yield from self._of_attempt(view, holder._replace(phase="painting"), 0)
        yield from self._of_upkeep(view, holder, 0, "")

    def _of_attempt(self, view: View, worker: Local, tick: int) -> Iterator[Choice]:
        if worker.phase == "idle":
            for number in self.claimable(view, tick):
                claiming = worker._replace(phase="claiming", job=number)
                yield Choice("claim", NOTHING, claiming, claiming, job=number)
        elif worker.phase == "claiming":
            yield from self._of_claim(self._own(view, worker), worker)
        elif worker.phase == "painting":
            yield from self._of_painting(self._own(view, worker), worker)
        else:
            yield Choice("say again", self.words[worker.said], worker.idle(), worker)

    def _of_claim(self, job: Job, worker: Local) -> Iterator[Choice]:
        outcome = self._outcome(job, worker, patient=False)
        yield from self._breakdown(job, worker)
        if outcome == "won":
            assert job.token is not None
            painting = worker._replace(phase="painting")
            started = Written(Started(request=job.id, at=job.at, token=job.token), worker.attempt)
            yield Choice("start", started, painting, painting)
            yield self._last_word("give back", decide.release(job, "painter-gone"), worker, cost="releases")
        elif outcome == "unknown":
            late = worker.idle()._replace(late=(*worker.late, worker.attempt))
            yield Choice("give up", NOTHING, late)

    def _of_painting(self, job: Job, worker: Local) -> Iterator[Choice]:
        if worker.said < self._bounds.progress:
            attempt = Attempt(job, worker.attempt, "best", 15.0, 1.0, None, 30.0, 0.0, 0.0, 0.0)
            told = worker._replace(said=worker.said + 1)
            yield Choice("progress", Written(attempt.progress(0.0), worker.attempt), told, told)
        yield self._last_word("finish", decide.completion(job, _PICTURES, 1, 1.0), worker)
        yield from self._breakdown(job, worker)
        yield self._last_word("give back", decide.release(job, "worker-stopping"), worker, cost="releases")

    def _breakdown(self, job: Job, worker: Local) -> Iterator[Choice]:
        event = decide.breakdown(job, worker.attempt, "painter-crashed", self._bounds.max_attempts)
        if event is not None:
            yield self._last_word("fail", event, worker)

    def _last_word(self, kind: str, event: Event, worker: Local, cost: str = "") -> Choice:
        word = Written(through_the_log(event), worker.attempt)
        ending = worker._replace(phase="ending", said=self.number(word))
        return Choice(kind, word, worker.idle(), ending, cost)

    def _of_late_claims(self, view: View, worker: Local) -> Iterator[Choice]:
        for job in view.jobs:
            event = decide.late_claim(job, worker.late) if job is not None and worker.late else None
            if event is not None:
                late = event.token.attempt
                rest = worker._replace(late=tuple(each for each in worker.late if each != late))
                yield Choice("give back late", Written(event, late), rest, worker)

    def _of_upkeep(self, view: View, worker: Local, tick: int, cost: str) -> Iterator[Choice]:
        for job in view.jobs:
            if job is None:
                continue
            if job.state == "held":
                expired = Written(decide.expiry(job, self._bounds.max_attempts))
                yield Choice("expire", expired, worker, worker, cost)
            elif job.state == "waiting" and decide.too_old(job, tick * HALF_DAY + _LATER):
                yield Choice("refuse", Written(decide.refusal(job, "waited-too-long")), worker, worker, cost)

    def _commit(self, requests: int, results: int, worker: Local, tick: int) -> Choice:
        paths = self._logs.requests.paths[requests], self._logs.results.paths[results]
        ledger = self._logs.ledger(worker.lineage, paths[0][worker.requests], paths[1][worker.results])
        frontier, lineage = self._logs.advanced(ledger, tick * HALF_DAY + _LATER)
        after = worker._replace(lineage=lineage)
        return Choice("commit", NOTHING, after, cost="commits", frontier=frontier)

    def _own(self, view: View, worker: Local) -> Job:
        return view.jobs[worker.job] or Job(f"job {worker.job + 1}", 0, -1)

    def _outcome(self, job: Job, worker: Local, *, patient: bool) -> decide.Outcome:
        return decide.claim_outcome(
            job,
            worker.attempt,
            read_back=0 <= worker.claimed < worker.results,
            given_up=worker.claimed < 0 and not patient,
        )
