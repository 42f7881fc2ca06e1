"""What a state is known by: the other way in which different states are one."""

from typing import Any, NamedTuple

from prompt2pic.core import decide
from prompt2pic.core.events import Claimed, Expired
from prompt2pic.core.jobs import Job
from tests.model.bounds import Bounds
from tests.model.logs import Asked, Logs, View, Written
from tests.model.settle import Settler
from tests.model.space import State
from tests.model.worker import Local, Steps


class Ahead(NamedTuple):
    """What can still be read of a log: its views from one on, with offsets and attempts numbered anew.

    `places` says which of the different views a reader at an offset sees, `names` what attempts are called,
    `lasts` what the newest records of attempts are called.
    """

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
        self._logs = logs
        self._steps = steps
        self._settler = settler
        self._whole = bool(bounds.faults.commits) or not bounds.reduced
        self._aheads: dict[Any, Ahead] = {}
        self._numbers: dict[Any, int] = {}

    def key(self, state: State) -> Any:
        """Return the name of a state."""
        return state if self._whole else self.name(state)

    def name(self, state: State) -> Any:
        """Return the name of a state where no frontier is committed."""
        reads = [self._reads(state, worker) for worker in state.workers]
        lasts = bool(state.left.pauses) or any(_expires(record) for record in state.flying)
        ahead = self._ahead(state.requests, state.results, min(reads), lasts)
        workers = sorted(
            self._worker(state, worker, read, ahead) for worker, read in zip(state.workers, reads, strict=True)
        )
        flying = tuple(sorted(self._record(record, _names(state, ahead), ahead) for record in state.flying))
        return (state.requests, ahead.views, tuple(workers), state.left, flying, state.tick)

    def _reads(self, state: State, worker: Local) -> int:
        """Return from which view on the worker can see anything: one that has lost its job holds on to nothing."""
        if not self._has_lost(state, worker):
            return worker.results
        return self._settler.settle(state, worker.idle()).results

    def _has_lost(self, state: State, worker: Local) -> bool:
        """Whether its attempt still holds the job by what it has read, but not by the whole log."""
        if worker.phase == "idle":
            return False
        here = self._steps.view(state.requests, state.results, worker).jobs[worker.job]
        there = self._logs.view(0, state.requests, state.results).jobs[worker.job]
        assert here is not None
        assert there is not None
        return decide.holds(here, worker.attempt) and not decide.holds(there, worker.attempt)

    def _worker(self, state: State, worker: Local, read: int, ahead: Ahead) -> Any:
        names = _names(state, ahead)
        said = self._record(self._steps.words[worker.said], names, ahead) if worker.phase == "ending" else worker.said
        late = tuple(sorted(names[name] for name in worker.late if name in names))
        claimed = ahead.places[worker.claimed + 1 - ahead.start] if worker.claimed >= worker.results else -1
        name = -1 if self._has_lost(state, worker) else names.get(worker.attempt, -1)
        standing = (name, worker.claimed >= 0, claimed, said)
        return (worker.phase, ahead.places[read - ahead.start], worker.requests, worker.job, standing, late)

    def _record(self, record: Written | Asked, names: dict[str, int], ahead: Ahead) -> Any:
        if isinstance(record, Asked):
            return ("Asked", *record)
        event = record.event
        last = ahead.lasts.get(event.last, -1) if isinstance(event, Expired) else -1
        attempt = event.token.attempt if isinstance(event, Expired) else record.attempt
        fate = getattr(event, "final", False)
        return (type(event).__name__, event.request, names.get(attempt, -1), last, fate)  # type: ignore[union-attr]

    def _ahead(self, requests: int, results: int, start: int, lasts: bool) -> Ahead:
        key = (requests, results, start, lasts)
        found = self._aheads.get(key)
        if found is None:
            found = self._aheads[key] = self._numbered(requests, results, start, lasts)
        return found

    def _numbered(self, requests: int, results: int, start: int, lasts: bool) -> Ahead:
        names: dict[str, int] = {}
        newest: dict[int, int] = {}
        views: list[Any] = []
        places = []
        for node in self._logs.results.paths[results][start:]:
            seen = _seen(self._logs.view(0, requests, node), names, newest if lasts else None)
            if not views or views[-1] != seen:
                views.append(seen)
            places.append(len(views) - 1)
        number = self._numbers.setdefault(tuple(views), len(self._numbers))
        return Ahead(number, start, tuple(places), names, newest)


def _names(state: State, ahead: Ahead) -> dict[str, int]:
    """Return what attempts are called that hold a job or may come to hold one."""
    flying = [each.attempt for each in state.flying if isinstance(each, Written) and isinstance(each.event, Claimed)]
    return ahead.names | {attempt: -2 - int(attempt[1:]) for attempt in flying} if flying else ahead.names


def _seen(view: View, names: dict[str, int], lasts: dict[int, int] | None) -> Any:
    return (*(_job(job, names, lasts) for job in view.jobs), view.erased)


def _job(job: Job | None, names: dict[str, int], lasts: dict[int, int] | None) -> Any:
    if job is None or job.end is not None:
        return job and (job.state, job.request is not None)
    name = last = -1
    if job.token is not None:
        name = names.setdefault(job.token.attempt, len(names))
        last = lasts.setdefault(job.last, len(lasts)) if lasts is not None else -1
    known = job.request is not None, bool(job.started)
    return (job.state, name, last, job.attempts, job.stalls, *known)


def _expires(record: Written | Asked) -> bool:
    return isinstance(record, Written) and isinstance(record.event, Expired)
