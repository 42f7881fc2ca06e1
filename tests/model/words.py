"""A way through the states, told step by step in words."""

from itertools import islice

from prompt2pic.core.events import (
    Cancelled,
    Claimed,
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
from tests.model.space import Space, State, Step

_VERBS = {
    Claimed: "claims {job}",
    Started: "begins to paint {job}",
    Progressed: "makes progress with {job}",
    Released: "gives {job} back",
    Finished: "finishes {job}",
}
_PLAIN = {
    "tick": "half a day goes by",
    "restart": "worker {name} crashes and comes back, having read everything from the earliest record",
    "restart there": "worker {name} crashes and comes back, having read everything from the frontier",
    "give up": "worker {name} can not find its claim in the log and gives it up as unknown",
}


def told(space: Space, numbers: list[int]) -> list[str]:
    """Return one line a step; `numbers` say which of a state's steps was taken."""
    return _Telling(space).lines(numbers)


class _Telling:
    """Follows a way from the first state and keeps the workers' names: states have them in any order."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._names = [chr(ord("A") + number) for number in range(space.bounds.workers)]
        self._claimants: dict[str, str] = {}

    def lines(self, numbers: list[int]) -> list[str]:
        state = self._space.first()
        lines = []
        for number in numbers:
            step, after = next(islice(self._space.after(state), number, None))
            lines.append(self._line(state, after, step))
            self._rename(state, after, step)
            state = after
        return lines

    def _line(self, state: State, after: State, step: Step) -> str:
        name = self._names[step.worker] if step.worker >= 0 else ""
        if step.kind in _PLAIN:
            return _PLAIN[step.kind].format(name=name)
        if step.kind == "commit":
            assert after.frontier is not None
            requests, results = after.frontier
            cut = f"requests {requests}, results {results}"
            return f"worker {name}{self._asleep(state, step)} commits the frontier: {cut}"
        if isinstance(step.record, Asked):
            return self._asked(step, step.record)
        assert step.record is not None
        if isinstance(step.record.event, Claimed) and name:
            self._claimants[step.record.attempt] = name
        return self._written(state, after, step, step.record)

    def _asked(self, step: Step, record: Asked) -> str:
        what = {"land": "comes late", "ask again": "is asked for once more, a duplicate"}.get(
            step.kind, "is asked for"
        )
        return f"job {record.job + 1} {what}{_UNSURE if step.away else ''}"

    def _written(self, state: State, after: State, step: Step, record: Written) -> str:
        name = self._names[step.worker] if step.worker >= 0 else ""
        who = f"worker {name}{self._asleep(state, step)}" if name else "somebody"
        what = f"{who} {self._what(record)}"
        if step.kind == "land":
            what = f"what was on its way comes: {self._author(record)} {self._what(record)}"
        if step.away:
            return what + _UNSURE
        offset = self._space.logs.results.length(state.results)
        if step.kind == "land" and isinstance(record.event, Claimed):
            self._claimants[str(offset)] = self._claimants[record.attempt]
        return f"{what} (offset {offset}): {self._fate(state, after, record)}"

    def _what(self, record: Written) -> str:
        event = record.event
        if isinstance(event, Erased):
            return f"has {event.request or 'everything so far'} erased"
        job = getattr(event, "request", "")
        if isinstance(event, Expired):
            return (
                f"finds {self._whose(event.token.attempt)} lease of {job} run out{', for good' * event.final}"
            )
        if isinstance(event, Failed):
            own = event.token is None or event.token.attempt == record.attempt
            at = "" if own else f", in the name of {self._whose(event.token.attempt)} attempt"  # type: ignore[union-attr]
            return f"says that {job} failed{', for good' * event.final}{at}"
        return "cancels " + job if isinstance(event, Cancelled) else _VERBS[type(event)].format(job=job)

    def _fate(self, state: State, after: State, record: Written) -> str:
        event, logs = record.event, self._space.logs
        if isinstance(event, Erased):
            return "hidden from now on"
        if logs.view(0, state.requests, after.results).counted:
            return "counts"
        job = logs.view(0, state.requests, state.results).jobs[logs.names[event.request]]  # type: ignore[union-attr]
        assert job is not None
        return f"does not count, {self._why(job, record)}"

    def _why(self, job: Job, record: Written) -> str:
        if job.end is not None:
            return f"it is {job.state}"
        if job.token is None:
            return "nobody holds it"
        heard = isinstance(record.event, Expired) and record.event.token == job.token
        return f"{self._claimants[job.token.attempt]} " + ("was heard of since" if heard else "holds it")

    def _asleep(self, state: State, step: Step) -> str:
        """Return how far a worker has read that has not read everything."""
        assert step.before is not None
        end = self._space.logs.results.length(state.results)
        return f", having read {step.before.results} of {end} events," if step.before.results < end else ""

    def _author(self, record: Written) -> str:
        return f"worker {self._claimants[record.attempt]}" if record.attempt else "somebody"

    def _whose(self, attempt: str) -> str:
        return f"{self._claimants[attempt]}'s"

    def _rename(self, state: State, after: State, step: Step) -> None:
        """Give each worker of the next state, where they may have changed places, its name."""
        settle, here = self._space.settler.settle, after.here()
        places = list(range(len(after.workers)))
        names = list(self._names)
        for number, worker in enumerate(state.workers):
            if number != step.worker:
                place = next(p for p in places if after.workers[p] == settle(here, worker))
                places.remove(place)
                names[place] = self._names[number]
        if step.worker >= 0:
            names[places[0]] = self._names[step.worker]
        self._names = names


_UNSURE = ", and does not learn whether the log has taken it"
