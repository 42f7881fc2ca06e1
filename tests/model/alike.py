"""Which states are one: those from which the same can happen.

A worker that has read less than all acts on an older view. What it writes then is what one awake could write, too,
or counts for nothing: `sleepers` has this checked. So all workers may be taken to have read everything and to
have let go of what they lost; and a record that can not count any more need not be waited for.

The fold compares tokens and offsets of attempts only for being the same. So logs are one in which each job is in
the same state, was tried and given up unbegun as often, is hidden or not, was asked for at the same tick, and
has or has not an attempt that is over (of which a sleeper may tell). `test_model` compares both with spaces in
which nothing of this is made use of.
"""

from typing import Any

from msgspec.structs import replace

from prompt2pic.core import decide
from prompt2pic.core.events import Claimed, Event, Expired
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Ledger
from tests.model.checks import Checks
from tests.model.logs import Asked, Logs, Written, young
from tests.model.states import State
from tests.model.worker import Local, Steps

Log = tuple[int, int]  # nodes of `requests` and `results`


class Alike:
    """Plays a state on in the first log that was met of all that look like its own."""

    def __init__(self, logs: Logs, steps: Steps, checks: Checks) -> None:
        self.homes: dict[tuple[Any, ...], Log] = {}
        self._logs = logs
        self._steps = steps
        self._checks = checks
        self._home_of: dict[Log, Log] = {}
        self._workers: dict[tuple[Any, ...], Local] = {}
        self._records: dict[tuple[Any, ...], Written | None] = {}
        self._ghosts: dict[int, frozenset[str]] = {0: frozenset()}

    def state(self, state: State) -> State:
        """Return the same state in the log that was met first, where everybody has read everything."""
        log = (state.requests, state.results)
        home = self._home_of.get(log) or self._home(log)
        flying = self._on_their_way(state, log) if state.flying else ()
        aloft = tuple([each.attempt for each in flying if isinstance(each, Written) and _is_claim(each)])
        workers = [self.worker(log, worker, aloft) for worker in state.workers]
        workers.sort()
        return State(*home, tuple(workers), state.left, flying, None, state.tick)

    def worker(self, log: Log, worker: Local, aloft: tuple[str, ...]) -> Local:
        """Return a worker of this log as it goes on in its home; the claims of attempts `aloft` may still come."""
        key = (log, worker, aloft)
        found = self._workers.get(key)
        if found is None:
            found = self._workers[key] = self._worker(log, worker, aloft)
        return found

    def name(self, state: State) -> tuple[Any, ...]:
        """Return what is known of a state in its home, in words that are the same in every exploration."""
        workers = sorted([self._worker_name(worker) for worker in state.workers])
        flying = sorted([_record_name(record) for record in state.flying])
        jobs = self._name((state.requests, state.results))
        return (jobs, tuple(workers), tuple(flying), state.left._replace(pauses=0), state.tick)

    def _home(self, log: Log) -> Log:
        self._checks.check(*log, set())
        home = self._home_of[log] = self.homes.setdefault(self._name(log), log)
        return home

    def _name(self, log: Log) -> tuple[Any, ...]:
        ledger, asked = self._logs.ledger(0, *log), self._logs.first_asked(log[0])
        ghosts = self._ghosts_of(log[1])
        jobs = self._logs.view(0, *log).jobs
        return tuple(
            [job and (_job_name(job, ledger), asked.get(n), job.id in ghosts) for n, job in enumerate(jobs)]
        )

    def _ghosts_of(self, results: int) -> frozenset[str]:
        """Return the jobs of which an attempt is over."""
        found = self._ghosts.get(results)
        if found is None:
            before = self._logs.results.paths[results][-2]
            jobs = [self._logs.view(0, 0, node).jobs for node in (before, results)]
            over = {
                old.id for old, new in zip(*jobs, strict=True) if old and old.token and old.token != new.token
            }
            found = self._ghosts[results] = self._ghosts_of(before) | over
        return found

    def _worker(self, log: Log, worker: Local, aloft: tuple[str, ...]) -> Local:
        home = self._home_of[log]
        ends = self._logs.requests.length(home[0]), self._logs.results.length(home[1])
        late = tuple(sorted([name for each in worker.late if (name := self._attempt(log, each, aloft))]))
        worker = worker._replace(requests=ends[0], results=ends[1], late=late)
        if worker.phase == "idle" or worker.attempt in aloft:
            return worker
        old, new = (self._logs.view(0, *each).jobs[worker.job] for each in (log, home))
        if old is None or new is None or new.token is None or not decide.holds(old, worker.attempt):
            return worker.idle()
        said = 0
        if worker.phase == "ending":
            said = self._steps.number(_renamed(self._steps.words[worker.said], new))
        return worker._replace(attempt=new.token.attempt, claimed=new.token.offset, said=said)

    def _attempt(self, log: Log, attempt: str, aloft: tuple[str, ...]) -> str:
        """Return what a late claim's attempt is called at home, "" where it is over."""
        if attempt in aloft:
            return attempt
        views = [self._logs.view(0, *each).jobs for each in (log, self._home_of[log])]
        pairs = zip(*views, strict=True)
        return next((new.token.attempt for old, new in pairs if old and decide.holds(old, attempt)), "")

    def _on_their_way(self, state: State, log: Log) -> tuple[Written | Asked, ...]:
        """Return the records that may still come and count."""
        flying: list[Written | Asked] = []
        for record in state.flying:
            if isinstance(record, Asked):
                flying += [record] * young(record, state.tick)
            elif (found := self._record(log, record)) is not None:
                flying.append(found)
        return tuple(flying) if len(flying) < 2 else tuple(sorted(flying, key=repr))

    def _record(self, log: Log, record: Written) -> Written | None:
        key = (log, record)
        if key not in self._records:
            number = self._logs.number(record.event)
            old, new = (self._logs.view(0, *each).jobs[number] for each in (log, self._home_of[log]))
            assert old is not None
            assert new is not None
            self._records[key] = _renamed(record, new) if _may_count(record.event, old) else None
        return self._records[key]

    def _worker_name(self, worker: Local) -> tuple[Any, ...]:
        said = _record_name(self._steps.words[worker.said]) if worker.phase == "ending" else ()
        return (worker.phase, worker.job, worker.claimed < 0, len(worker.late), said)


def _job_name(job: Job, ledger: Ledger) -> tuple[Any, ...]:
    hidden = ledger.hides(job)
    if job.end is not None:
        return (job.state, hidden, job.over)
    return (job.state, job.attempts, job.stalls, job.token is not None and bool(job.started), hidden)


def _record_name(record: Written | Asked) -> tuple[Any, ...]:
    if isinstance(record, Asked):
        return ("Asked", *record)
    event = record.event
    return (type(event).__name__, event.request, getattr(event, "final", False))  # type: ignore[union-attr]


def _is_claim(record: Written) -> bool:
    return isinstance(record.event, Claimed)


def _may_count(event: Event, job: Job) -> bool:
    """Whether a record on its way may still change the job: one of an attempt only as long as that holds it."""
    token = getattr(event, "token", None)
    if job.end is not None or (token is not None and token != job.token):
        return False
    return not isinstance(event, Expired) or event.last == job.last


def _renamed(record: Written, job: Job) -> Written:
    """Return a record as it is written of the job in another log."""
    event: Any = replace(record.event, at=job.at)
    if getattr(event, "token", None) is None:
        return Written(event, record.attempt)
    assert job.token is not None
    event = replace(event, token=job.token)
    if isinstance(event, Expired):
        event = replace(event, last=job.last)
    return Written(event, job.token.attempt if record.attempt else "")
