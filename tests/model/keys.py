"""What a state is known by: the other way in which different states are one."""

from typing import Any, NamedTuple

from prompt2pic.core.events import Claimed, Expired, Token
from prompt2pic.core.jobs import Job
from tests.model.bounds import Bounds
from tests.model.logs import Asked, Logs, View, Written
from tests.model.space import State
from tests.model.worker import DEAD, Local, Steps, renamed


class Ahead(NamedTuple):
    """What can still be read of a log: its views from one on, with offsets and attempts numbered anew.

    `number` is the same for the same log and start, `views` for all that look the same from there on. `places`
    says which of the different views a reader at an offset sees, `names` what attempts are called (in the order
    of `tokens`), `until` up to where one has read who still sees them hold their jobs, `lasts` what the newest
    records of attempts are called.
    """

    number: int
    views: int
    results: int
    start: int
    places: tuple[int, ...]
    names: dict[str, int]
    tokens: list[Token]
    until: list[int]
    lasts: dict[int, int]

    @property
    def end(self) -> int:
        """Return the offset of the next record."""
        return self.start + len(self.places) - 1

    def name(self, attempt: str, since: int) -> int:
        """Return what an attempt is called, -1 where nobody who has read so far can see it hold its job."""
        name = self.names.get(attempt, -1)
        return name if name >= 0 and self.until[name] >= since else -1

    def offset(self, place: int) -> int:
        """Return up to where one has read who sees a view."""
        return self.end - self.places[::-1].index(place)


class Keys:
    """Names for states, the same for those from which the same can happen.

    What every worker has read is of no account but for what it makes of it; nor are records that counted for
    nothing, but for whoever has yet to read back his own. Where frontiers are committed a reader may start at
    an older record, so that there every record is of account.
    """

    def __init__(self, logs: Logs, steps: Steps, bounds: Bounds) -> None:
        self.views: dict[tuple[Any, ...], int] = {}
        self.whole = bool(bounds.faults.commits) or not bounds.reduced
        self._logs = logs
        self._steps = steps
        self._aheads: dict[tuple[int, int, int, bool], Ahead] = {}
        self._first: dict[tuple[int, int, bool], Ahead] = {}
        self._workers: dict[tuple[Any, ...], int] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}

    def key(self, state: State) -> Any:
        """Return the name of a state."""
        return state if self.whole else self.name(state)

    def name(self, state: State) -> tuple[Any, ...]:
        """Return the name of a state where no frontier is committed."""
        ahead, aloft = self.ahead(state), _aloft(state)
        workers = sorted([self._number(worker, ahead, aloft) for worker in state.workers])
        flying = sorted([self.record(record, ahead, aloft) for record in state.flying])
        return (state.requests, ahead.views, tuple(workers), state.left, tuple(flying), state.tick)

    def ahead(self, state: State) -> Ahead:
        """Return what the state's workers can still read."""
        start = min([worker.results for worker in state.workers])
        key = (state.requests, state.results, start, _lasts(state))
        found = self._aheads.get(key)
        if found is None:
            found = self._aheads[key] = self._numbered(*key)
        return found

    def known(self, state: State) -> Ahead:
        """Return the first log that was met of all that look like the state's."""
        ahead = self.ahead(state)
        return self._first.setdefault((state.requests, ahead.views, _lasts(state)), ahead)

    def worker(self, number: int) -> tuple[Any, ...]:
        """Return what stands behind a worker's number in the name of a state."""
        return next(seen for seen, each in self._numbers.items() if each == number)

    def record(self, record: Written | Asked, ahead: Ahead, aloft: tuple[str, ...]) -> tuple[Any, ...]:
        """Return what a record is called that is not in the log (yet)."""
        if isinstance(record, Asked):
            return ("Asked", *record)
        event = record.event
        last = ahead.lasts.get(event.last, -1) if isinstance(event, Expired) else -1
        attempt = event.token.attempt if isinstance(event, Expired) else record.attempt
        request, final = getattr(event, "request", ""), getattr(event, "final", False)
        return (type(event).__name__, request, _name(attempt, ahead, ahead.end, aloft), last, final)

    def _number(self, worker: Local, ahead: Ahead, aloft: tuple[str, ...]) -> int:
        key = (worker, ahead.number, aloft)
        found = self._workers.get(key)
        if found is None:
            seen = self._seen(worker, ahead, aloft)
            found = self._workers[key] = self._numbers.setdefault(seen, len(self._numbers))
        return found

    def _seen(self, worker: Local, ahead: Ahead, aloft: tuple[str, ...]) -> tuple[Any, ...]:
        said: Any = worker.said
        if worker.phase == "ending":
            said = self.record(self._steps.words[worker.said], ahead, aloft)
        names = [_name(name, ahead, worker.results, aloft) for name in worker.late]
        late = tuple(sorted(name for name in names if name != -1))
        claimed = ahead.places[worker.claimed + 1 - ahead.start] if worker.claimed >= worker.results else -1
        name = _name(worker.attempt, ahead, worker.results, aloft)
        standing = (name, worker.claimed >= 0, claimed, said, worker.own)
        return (
            worker.phase,
            ahead.places[worker.results - ahead.start],
            worker.requests,
            worker.job,
            standing,
            late,
        )

    def _numbered(self, requests: int, results: int, start: int, lasts: bool) -> Ahead:
        numbers = _Numbers(lasts)
        views: list[Any] = []
        places = []
        for offset, node in enumerate(self._logs.results.paths[results][start:], start):
            seen = numbers.view(self._logs.view(0, requests, node), offset)
            if not views or views[-1] != seen:
                views.append(seen)
            places.append(len(views) - 1)
        views_number = self.views.setdefault(tuple(views), len(self.views))
        number = len(self._aheads)
        named = numbers.names, numbers.tokens, numbers.until, numbers.lasts
        return Ahead(number, views_number, results, start, tuple(places), *named)


class _Numbers:
    """Gives numbers to attempts and offsets in the order in which they come up."""

    def __init__(self, lasts: bool) -> None:
        self.names: dict[str, int] = {}
        self.tokens: list[Token] = []
        self.until: list[int] = []
        self.lasts: dict[int, int] = {}
        self._with_lasts = lasts

    def view(self, view: View, offset: int) -> tuple[Any, ...]:
        return (*[self._job(job, offset) for job in view.jobs], view.erased)

    def _job(self, job: Job | None, offset: int) -> tuple[Any, ...] | None:
        if job is None or job.end is not None:
            return job and (job.state, job.request is not None)
        name = last = -1
        if job.token is not None:
            name = self.names.setdefault(job.token.attempt, len(self.names))
            if name == len(self.tokens):
                self.tokens.append(job.token)
                self.until.append(offset)
            self.until[name] = offset
            last = self.lasts.setdefault(job.last, len(self.lasts)) if self._with_lasts else -1
        return (job.state, name, last, job.attempts, job.stalls, job.request is not None, bool(job.started))


class Recast:
    """Plays a state on in the first log that was met of all that look like its own.

    So what was worked out for one of them, by the real code, serves for all.
    """

    def __init__(self, keys: Keys, steps: Steps) -> None:
        self._keys = keys
        self._steps = steps

    def state(self, state: State) -> State:
        """Return the same state in a log that may be another."""
        old, new, aloft = self._keys.ahead(state), self._keys.known(state), _aloft(state)
        if old is new or any(worker.claimed >= worker.results for worker in state.workers):
            return state
        workers = sorted([self._worker(worker, old, new, aloft) for worker in state.workers])
        flying = tuple([self._record(record, old, new) for record in state.flying])
        return state._replace(results=new.results, workers=tuple(workers), flying=flying)

    def _worker(self, worker: Local, old: Ahead, new: Ahead, aloft: tuple[str, ...]) -> Local:
        said = worker.said
        if worker.phase == "ending" and worker.own < 0:
            said = self._steps.number(self._written(self._steps.words[said], old, new))
        late = [_attempt(name, old, worker.results, new, aloft) for name in worker.late]
        return worker._replace(
            results=new.offset(old.places[worker.results - old.start]),
            attempt=worker.attempt and _attempt(worker.attempt, old, worker.results, new, aloft),
            claimed=min(worker.claimed, 0),
            said=said,
            late=tuple(name for name in late if name != DEAD.attempt),
        )

    def _record(self, record: Written | Asked, old: Ahead, new: Ahead) -> Written | Asked:
        return record if isinstance(record, Asked) else self._written(record, old, new)

    def _written(self, record: Written, old: Ahead, new: Ahead) -> Written:
        event = record.event
        if isinstance(event, Claimed):
            return record
        name = old.name(event.token.attempt if isinstance(event, Expired) else record.attempt, old.end)
        last = -1
        if isinstance(event, Expired) and event.last in old.lasts:
            last = list(new.lasts)[old.lasts[event.last]]
        return renamed(record, DEAD if name < 0 else new.tokens[name], last)


def _attempt(attempt: str, old: Ahead, since: int, new: Ahead, aloft: tuple[str, ...]) -> str:
    if attempt in aloft:
        return attempt
    name = old.name(attempt, since)
    return DEAD.attempt if name < 0 else new.tokens[name].attempt


def _aloft(state: State) -> tuple[str, ...]:
    """Return the attempts whose claims may still come."""
    records = [each for each in state.flying if isinstance(each, Written)]
    return tuple([each.attempt for each in records if isinstance(each.event, Claimed)])


def _lasts(state: State) -> bool:
    """Whether it matters which record of an attempt is its newest: to whoever expires it without having looked."""
    records = [each for each in state.flying if isinstance(each, Written)]
    return state.left.pauses > 0 or any(isinstance(each.event, Expired) for each in records)


def _name(attempt: str, ahead: Ahead, since: int, aloft: tuple[str, ...]) -> int:
    return -2 - int(attempt[1:]) if attempt in aloft else ahead.name(attempt, since)
