"""A way through the states, told step by step in words."""

from itertools import islice

from prompt2pic.core.events import (
    Cancelled,
    Claimed,
    Delivered,
    Erased,
    Expired,
    Failed,
    Finished,
    Progressed,
    Released,
    Started,
)
from prompt2pic.core.jobs import Job
from tests.model.logs import Asked, Written
from tests.model.space import Space
from tests.model.states import State, Step

_VERBS = {
    Claimed: "claims {job}",
    Started: "begins to paint {job}",
    Progressed: "makes progress with {job}",
    Released: "gives {job} back",
    Finished: "finishes {job}",
    Delivered: "tells the person how {job} ended",
}
_PLAIN = {
    "begin": "nothing has happened yet",
    "tick": "half a day goes by",
    "restart": "worker {name} crashes and comes back, having read everything from the earliest record",
    "restart there": "worker {name} crashes and comes back, having read everything from the frontier",
    "give up": "worker {name} can not find its claim in the log and gives it up as unknown",
}


def told(space: Space, numbers: list[int], last: tuple[Step, State]) -> list[str]:
    """Return one line a step; `numbers` say which of a state's steps were taken before the last one."""
    return _Telling(space).lines(numbers, last)


class _Telling:
    """Follows a way from the first state and keeps the workers' names: states have them in any order."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._names = [chr(ord("A") + number) for number in range(space.bounds.workers)]

    def lines(self, numbers: list[int], last: tuple[Step, State]) -> list[str]:
        state = self._space.first()
        lines = []
        for number in numbers:
            step, after = next(islice(self._space.after(state), number, None))
            raw = self._space.doing[1]
            lines.append(self._line(state, step, raw))
            self._rename(raw, after)
            state = after
        return [*lines, self._line(state, *last)]

    def _line(self, state: State, step: Step, raw: State) -> str:
        name = self._names[step.worker] if step.worker >= 0 else ""
        if step.kind in _PLAIN:
            return _PLAIN[step.kind].format(name=name)
        if step.kind == "commit":
            assert raw.frontier is not None
            cut = f"requests {raw.frontier.requests}, results {raw.frontier.results}"
            return f"worker {name}{self._asleep(state, step)} commits the frontier: {cut}"
        if isinstance(step.record, Asked):
            return _asked(step, step.record)
        assert step.record is not None
        what = f"{self._who(state, step)} {_what(step.record)}"
        return what + (_UNSURE if step.away else f": {self._fate(state, raw, step.record)}")

    def _who(self, state: State, step: Step) -> str:
        if step.kind == "land":
            return "what was on its way comes: somebody"
        if step.before is None:
            return "somebody"
        name = f"worker {self._names[step.worker]}" if step.worker >= 0 else "a worker that slept"
        return name + self._asleep(state, step)

    def _asleep(self, state: State, step: Step) -> str:
        """Return how far a worker has read that has not read everything."""
        assert step.before is not None
        end = self._space.logs.results.length(state.results)
        return f", having read {step.before.results} of {end} events," if step.before.results < end else ""

    def _fate(self, state: State, raw: State, record: Written) -> str:
        event, logs = record.event, self._space.logs
        if isinstance(event, Erased):
            return "hidden from now on"
        if logs.view(0, state.requests, raw.results).counted:
            return "counts"
        job = logs.view(0, state.requests, state.results).jobs[logs.number(event)]
        assert job is not None
        return f"does not count, {_why(job, record)}"

    def _rename(self, raw: State, after: State) -> None:
        """Give each worker of the next state, where they may have changed places, its name."""
        places = list(range(len(after.workers)))
        names = list(self._names)
        for name, worker in zip(self._names, raw.workers, strict=True):
            form = self._space.settled(raw._replace(workers=(worker,))).workers[0]
            place = next(each for each in places if after.workers[each] == form)
            places.remove(place)
            names[place] = name
        self._names = names


def _asked(step: Step, record: Asked) -> str:
    kinds = {"land": "comes late", "ask again": "is asked for once more, a duplicate"}
    return f"job {record.job + 1} {kinds.get(step.kind, 'is asked for')}{_UNSURE if step.away else ''}"


def _what(record: Written) -> str:
    event = record.event
    if isinstance(event, Erased):
        return f"has {event.request or 'everything so far'} erased"
    job = getattr(event, "request", "")
    if isinstance(event, Expired):
        return f"finds the lease of {job} run out{', for good' * event.final}"
    if isinstance(event, Failed):
        own = event.token is None or event.token.attempt == record.attempt
        return f"says that {job} failed{', for good' * event.final}{', in the name of another' * (not own)}"
    return "cancels " + job if isinstance(event, Cancelled) else _VERBS[type(event)].format(job=job)


def _why(job: Job, record: Written) -> str:
    if job.end is not None:
        return f"it is {job.state}"
    if job.token is None:
        return "nobody holds it"
    heard = isinstance(record.event, Expired) and record.event.token == job.token
    return "it was heard of since" if heard else "it is held"


_UNSURE = ", and does not learn whether the log has taken it"
