"""What a state is known by: the other way in which different states are one."""

from typing import Any, NamedTuple

from prompt2pic.core import decide
from prompt2pic.core.events import Claimed, Expired
from prompt2pic.core.jobs import Job
from tests.model.bounds import Bounds
from tests.model.logs import Asked, Logs, View, Written
from tests.model.settle import Here, Settler
from tests.model.space import State
from tests.model.worker import Local, Steps


class Ahead(NamedTuple):
    """What can still be read of a log: its views from one on, with offsets and attempts numbered anew.

    `number` is the same for the same log and start, `views` for all that look the same from there on. `places`
    says which of the different views a reader at an offset sees, `names` what attempts are called, `lasts` what
    the newest records of attempts are called.
    """

    number: int
    views: int
    start: int
    places: tuple[int, ...]
    names: dict[str, int]
    lasts: dict[int, int]


class Keys:
    """Names for states, the same for those from which the same can happen.

    What every worker has read is of no account but for what it makes of it; nor are records that counted for
    nothing, but for whoever has yet to read back his own. Where frontiers are committed a reader may start at
    an older record, so that there every record is of account.
    """

    def __init__(self, logs: Logs, steps: Steps, settler: Settler, bounds: Bounds) -> None:
        self.views: dict[tuple[Any, ...], int] = {}
        self._logs = logs
        self._steps = steps
        self._settler = settler
        self._whole = bool(bounds.faults.commits) or not bounds.reduced
        self._reads: dict[tuple[Here, Local], int] = {}
        self._aheads: dict[tuple[int, int, int, bool], Ahead] = {}
        self._workers: dict[tuple[Any, ...], int] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}

    def key(self, state: State) -> Any:
        """Return the name of a state."""
        return state if self._whole else self.name(state)

    def name(self, state: State) -> tuple[Any, ...]:
        """Return the name of a state where no frontier is committed."""
        here = state.here()
        reads = [self._read(here, worker) for worker in state.workers]
        lasts = state.left.pauses > 0 or any(_expires(record) for record in state.flying)
        ahead = self._ahead(state.requests, state.results, min(reads), lasts)
        aloft = tuple([each.attempt for each in state.flying if _claims(each)])  # type: ignore[union-attr]
        workers = [self._number(worker, read, ahead, aloft) for worker, read in zip(state.workers, reads, strict=True)]
        flying = [self.record(record, ahead, aloft) for record in state.flying]
        return (state.requests, ahead.views, tuple(sorted(workers)), state.left, tuple(sorted(flying)), state.tick)

    def worker(self, number: int) -> tuple[Any, ...]:
        """Return what is known of a worker by its number in names."""
        return next(worker for worker, each in self._numbers.items() if each == number)

    def _read(self, here: Here, worker: Local) -> int:
        """Return from which view on the worker can see anything: one that has lost its job holds on to nothing."""
        found = self._reads.get((here, worker))
        if found is None:
            lost = self._has_lost(here.requests, here.results, worker)
            found = (self._settler.settle(here, worker.idle()) if lost else worker).results
            self._reads[here, worker] = found
        return found

    def _has_lost(self, requests: int, results: int, worker: Local) -> bool:
        """Whether its attempt still holds the job by what it has read, but not by the whole log."""
        if worker.phase == "idle":
            return False
        here = self._steps.view(requests, results, worker).jobs[worker.job]
        there = self._logs.view(0, requests, results).jobs[worker.job]
        assert here is not None
        assert there is not None
        return decide.holds(here, worker.attempt) and not decide.holds(there, worker.attempt)

    def _number(self, worker: Local, read: int, ahead: Ahead, aloft: tuple[str, ...]) -> int:
        key = (worker, read, ahead.number, aloft)
        found = self._workers.get(key)
        if found is None:
            seen = self._seen(worker, read, ahead, aloft)
            found = self._workers[key] = self._numbers.setdefault(seen, len(self._numbers))
        return found

    def _seen(self, worker: Local, read: int, ahead: Ahead, aloft: tuple[str, ...]) -> tuple[Any, ...]:
        said: Any = worker.said
        if worker.phase == "ending":
            said = self.record(self._steps.words[worker.said], ahead, aloft)
        names = [_name(name, ahead, aloft) for name in worker.late]
        late = tuple(sorted(name for name in names if name != -1))
        claimed = ahead.places[worker.claimed + 1 - ahead.start] if worker.claimed >= worker.results else -1
        lost = read != worker.results or worker.attempt not in (*ahead.names, *aloft)
        name = -1 if lost else _name(worker.attempt, ahead, aloft)
        standing = (name, worker.claimed >= 0, claimed, said)
        return (worker.phase, ahead.places[read - ahead.start], worker.requests, worker.job, standing, late)

    def record(self, record: Written | Asked, ahead: Ahead, aloft: tuple[str, ...]) -> tuple[Any, ...]:
        """Return what a record is called that is not in the log (yet)."""
        if isinstance(record, Asked):
            return ("Asked", *record)
        event = record.event
        last = ahead.lasts.get(event.last, -1) if isinstance(event, Expired) else -1
        attempt = event.token.attempt if isinstance(event, Expired) else record.attempt
        request, final = getattr(event, "request", ""), getattr(event, "final", False)
        return (type(event).__name__, request, _name(attempt, ahead, aloft), last, final)

    def _ahead(self, requests: int, results: int, start: int, lasts: bool) -> Ahead:
        key = (requests, results, start, lasts)
        found = self._aheads.get(key)
        if found is None:
            found = self._aheads[key] = self._numbered(*key)
        return found

    def _numbered(self, requests: int, results: int, start: int, lasts: bool) -> Ahead:
        names: dict[str, int] = {}
        newest: dict[int, int] = {}
        views: list[Any] = []
        places = []
        for node in self._logs.results.paths[results][start:]:
            seen = _view(self._logs.view(0, requests, node), names, newest if lasts else None)
            if not views or views[-1] != seen:
                views.append(seen)
            places.append(len(views) - 1)
        number = self.views.setdefault(tuple(views), len(self.views))
        return Ahead(len(self._aheads), number, start, tuple(places), names, newest)


def _name(attempt: str, ahead: Ahead, aloft: tuple[str, ...]) -> int:
    """Return what an attempt is called: -1 where it can never hold its job (again)."""
    return -2 - int(attempt[1:]) if attempt in aloft else ahead.names.get(attempt, -1)


def _view(view: View, names: dict[str, int], lasts: dict[int, int] | None) -> tuple[Any, ...]:
    return (*[_job(job, names, lasts) for job in view.jobs], view.erased)


def _job(job: Job | None, names: dict[str, int], lasts: dict[int, int] | None) -> tuple[Any, ...] | None:
    if job is None or job.end is not None:
        return job and (job.state, job.request is not None)
    name = last = -1
    if job.token is not None:
        name = names.setdefault(job.token.attempt, len(names))
        last = lasts.setdefault(job.last, len(lasts)) if lasts is not None else -1
    return (job.state, name, last, job.attempts, job.stalls, job.request is not None, bool(job.started))


def _claims(record: Written | Asked) -> bool:
    return isinstance(record, Written) and isinstance(record.event, Claimed)


def _expires(record: Written | Asked) -> bool:
    return isinstance(record, Written) and isinstance(record.event, Expired)
