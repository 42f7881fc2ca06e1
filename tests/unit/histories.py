"""Random histories of both topics, and random ways to read them."""

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from prompt2pic.core.events import Erased, Event, Token, Version, decode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Record
from prompt2pic.core.queue import REQUESTS
from prompt2pic.core.requests import Request
from tests.unit.samples import (
    HOUR,
    announced,
    apply,
    asked,
    cancelled,
    claimed,
    delivered,
    expired,
    failed,
    finished,
    progressed,
    released,
    request,
    started,
    told,
)

DAY = 24 * HOUR
BEGIN = 100 * DAY  # ms since the epoch; no clock reads 0


class Write(NamedTuple):
    """One thing that somebody writes: what, about which job, with which of its tokens, after how many ms."""

    kind: str
    job: int
    pick: int
    flag: bool
    after: int


class History(NamedTuple):
    """What was written, in the order of writing; `end` is when the last record was (ms)."""

    records: list[Record]
    end: int

    def of(self, topic: str) -> list[Record]:
        """Return the records of one topic."""
        return [record for record in self.records if record.place.topic == topic]


class Scribe:
    """Writes what honest, late and confused writers may write: they all know where a request stands."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.now = BEGIN
        self.firsts: dict[str, tuple[int, int]] = {}
        self._tokens: dict[str, list[Token]] = {}
        self._jobs: dict[str, Job] = {}
        self._ends = {"requests": 0, "results": 0}

    def write(self, write: Write) -> None:
        """Write what there is to be written."""
        self.now += write.after
        if write.kind in ("request", "unreadable", "erased", "version", "again"):
            getattr(self, f"_{write.kind}")(write)
        elif write.kind == "ghost":
            self._ghost(write)
        elif f"r{write.job}" in self.firsts:
            self._event(write)

    def ask(self, body: Request | None) -> int:
        """Append to `requests`."""
        offset = self._ends["requests"]
        self._ends["requests"] += 1
        if body is not None and body.id not in self.firsts:
            self.firsts[body.id] = (offset, self.now)
        self.records.append(asked(offset, body, self.now))
        return offset

    def tell(self, event: Event | None) -> int:
        """Append to `results`."""
        offset = self._ends["results"]
        self._ends["results"] += 1
        if event is not None and not isinstance(event, Erased | Version):
            job = self._jobs.setdefault(event.request, Job(event.request, 0, event.at))
            apply(job, offset, self.now, event)
            if hasattr(event, "attempt"):
                self._tokens.setdefault(event.request, []).append(Token(offset, event.attempt))
        self.records.append(told(offset, event, self.now))
        return offset

    def _request(self, write: Write) -> None:
        name = f"r{write.job}"
        known = self.firsts.get(name)
        if known is None or self.now - known[1] <= DAY:  # whoever submits refuses what is older
            self.ask(request(name, person=f"p{write.job % 2}", count=1 + write.pick, notify=write.flag))

    def _unreadable(self, write: Write) -> None:
        if write.flag:
            self.ask(None)
        else:
            self.tell(None)

    def _erased(self, write: Write) -> None:
        person, name = f"p{write.job % 2}", f"r{write.job}"
        if write.flag and name in self.firsts:
            self.tell(Erased(person=person, upto=self.firsts[name][0] + 1, request=name))
        else:
            self.tell(Erased(person=person, upto=max(0, self._ends["requests"] - write.pick)))

    def _version(self, write: Write) -> None:
        self.tell(Version(needs=1))

    def _again(self, write: Write) -> None:
        """Append a record of `results` once more, as a producer does that did not hear of its success."""
        told_before = [record for record in self.records if record.place.topic == "results"]
        if told_before:
            self.tell(decode_event(told_before[-1 - write.job % len(told_before)].value))

    def _ghost(self, write: Write) -> None:
        """Write about a request that no reader of this version can read."""
        at = max(0, self._ends["requests"] - 1 - write.pick)
        event = claimed(f"ghost{at}", at) if write.flag else cancelled(f"ghost{at}", at)
        self.tell(event)

    def _event(self, write: Write) -> None:
        name = f"r{write.job}"
        self.tell(_EVENTS[write.kind](write, name, self.firsts[name][0], self._token(write, name), self))

    def _token(self, write: Write, name: str) -> Token:
        job = self._jobs.get(name)
        tokens = self._tokens.get(name, [])
        if job is not None and job.token is not None and write.pick < 2:
            return job.token
        if tokens and write.pick < 3:
            return tokens[-1 - write.pick % len(tokens)]
        return Token(write.job, "bogus")

    def last(self, write: Write, name: str) -> int:
        """Return the newest record of the attempt, or a wrong one."""
        job = self._jobs.get(name)
        newest = job.last if job is not None else -1
        return newest if write.flag or write.pick < 2 else max(0, newest - 1)


Make = Callable[[Write, str, int, Token, Scribe], Event]

_EVENTS: dict[str, Make] = {
    "claimed": lambda w, name, at, token, scribe: claimed(name, at, attempt="aab"[w.pick % 3], worker="w1"),
    "started": lambda w, name, at, token, scribe: started(token, name, at),
    "progressed": lambda w, name, at, token, scribe: progressed(token, name, at),
    "released": lambda w, name, at, token, scribe: released(token, name, at),
    "failed": lambda w, name, at, token, scribe: failed(token, name, at, final=w.flag, notify=w.job == 0),
    "given up": lambda w, name, at, token, scribe: failed(None, name, at, final=w.flag, notify=w.job == 0),
    "expired": lambda w, name, at, token, scribe: expired(
        token, scribe.last(w, name), name, at, final=w.pick == 1, notify=w.flag
    ),
    "cancelled": lambda w, name, at, token, scribe: cancelled(name, at, notify=w.flag),
    "finished": lambda w, name, at, token, scribe: finished(token, name, at, notify=w.flag),
    "announced": lambda w, name, at, token, scribe: announced(w.pick, name, at),
    "delivered": lambda w, name, at, token, scribe: delivered(name, at, gone=w.flag),
}

# The common ones are named several times.
KINDS = [
    *("request",) * 6,
    *("claimed",) * 5,
    *("finished",) * 3,
    *("expired", "delivered", "announced") * 2,
    *(kind for kind in _EVENTS if kind != "claimed"),
    *("again", "again", "ghost", "erased", "version", "unreadable"),
]
PAUSES = [0, 0, 1, 1_000, HOUR, HOUR, 7 * HOUR, 26 * HOUR]  # ms

writes = st.builds(
    Write,
    st.sampled_from(KINDS),
    st.integers(0, 4),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(PAUSES),
)


def written(script: list[Write]) -> History:
    """Return what came of it."""
    scribe = Scribe()
    for write in script:
        scribe.write(write)
    return History(scribe.records, scribe.now)


# A list's own length would be about five: what goes wrong needs more.
histories = (
    st.integers(0, 60).flatmap(lambda size: st.lists(writes, min_size=size, max_size=size)).map(written)
)


def reading(history: list[Record], seed: int, again: float = 0.1) -> Iterator[Record]:
    """Yield the records in their order within a topic, at any relative speed, split and partly read twice."""
    dice = random.Random(seed)
    lines = [[r for r in history if (r.place.topic == REQUESTS) == first] for first in (True, False)]
    hurry = dice.choice([0.0, 0.1, 0.5, 0.9, 1.0])  # how often `requests` is read first
    while any(lines):
        line = lines[0] if lines[0] and (not lines[1] or dice.random() < hurry) else lines[1]
        batch = line[: dice.randint(1, 4)]
        yield from batch
        if dice.random() < again:
            yield from batch
        del line[: len(batch)]


seeds = st.integers(0, 2**16)


def state(job: Job) -> dict[str, Any]:
    """Return what the ledger alone says of a job."""
    fields = msgspec.structs.asdict(job)
    for joined in ("request", "requested"):
        del fields[joined]
    return fields


thorough = settings(max_examples=200)  # for what everything else stands on
