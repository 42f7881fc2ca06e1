"""What an owner does with the queue: look, retry, drop, drain."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from prompt2pic.core import decide
from prompt2pic.core.errors import Problem
from prompt2pic.core.events import Event, decode_event, encode_event
from prompt2pic.core.forecast import Load
from prompt2pic.core.history import History
from prompt2pic.core.intake import to_append
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Log, Place
from prompt2pic.core.queue import RESULTS
from prompt2pic.core.reader import Reader, now_ms, write_drain
from prompt2pic.core.requests import Request, encode_request, key_of
from prompt2pic.settings import Settings
from prompt2pic.texts import Texts
from prompt2pic.wiring import build_log

_BATCH = 1000  # records


class Desk:
    """The queue and its history as the log has them now."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.reader = Reader(log, from_frontier=False, rebuilt=self._rebuilt)
        while not self.reader.ready:
            self.reader.pump(1.0)

    def _rebuilt(self, reader: Reader) -> None:
        self.history = History(reader.queue)

    def job(self, request: str) -> Job:
        """Return a job by its id or the beginning of it. Raises Problem."""
        found = self.history.starting_with(request)
        if len(found) != 1:
            raise Problem("queue-no-job" if not found else "queue-many-jobs", request=request)
        return found[0]

    def ask(self, request: Request) -> None:
        """Append a new request until it counts. Raises LogUnavailable."""
        again = False
        while step := to_append(self.reader.queue, self.reader.placing(), request, again=again):
            place, record = step
            offset = self.log.append(place, key_of(record), encode_request(record))
            while not self.reader.reached(place, offset):
                self.reader.pump(1.0)
            again = again or isinstance(record, Request)

    def waiting(self) -> list[Job]:
        """Return the jobs that workers hold, then those that wait in the order of their turns."""
        now, queue = now_ms(), self.reader.queue
        load = Load(self.reader.crew.live(now), list(queue.held()), self.reader.speeds, now)
        return [*load.held, *queue.upcoming(load.turn)]


@contextmanager
def desk(settings: Settings) -> Iterator[Desk]:
    """Open the log of the settings and read it up to its end."""
    with closing(build_log(settings)) as log:
        made = Desk(log)
        try:
            yield made
        finally:
            made.reader.close()


def queue_lines(settings: Settings, *, json: bool) -> Iterator[str]:
    """Yield the queue, a job a line."""
    texts = Texts(settings.language)
    with desk(settings) as at:
        jobs = at.waiting()
        if json:
            yield _json([_told(job) for job in jobs])
            return
        yield texts.say(
            "queue-length", waiting=len(at.reader.queue.turns), held=len(list(at.reader.queue.held()))
        )
        for job in jobs:
            yield texts.say(f"queue-{job.state}", **_line(job))


def show_lines(settings: Settings, request: str, *, json: bool) -> Iterator[str]:
    """Yield one job's history from the log, in plain words."""
    texts = Texts(settings.language)
    with desk(settings) as at:
        job = at.job(request)
        if json:
            yield _json([msgspec.to_builtins(event) for _, event in _events(at.log, job)])
            return
        yield texts.say("told-asked", time=_time(job.requested), request=job.id)
        for timestamp, event in _events(at.log, job):
            kind = type(event).__name__.lower()
            yield texts.say(f"told-{kind}", time=_time(timestamp), **_facts(event))


def retry(settings: Settings, request: str) -> str:
    """Ask again for a job that failed or was cancelled, under a new id, and say so."""
    with desk(settings) as at:
        job = at.job(request)
        if job.request is None or job.state not in ("failed", "cancelled"):
            raise Problem("queue-not-retried", request=job.id)
        again = msgspec.structs.replace(job.request, id=str(uuid4()), digest="")
        at.ask(again)
        return Texts(settings.language).say("queue-retried", request=job.id, again=again.id)


def drop(settings: Settings, request: str) -> str:
    """Cancel a job that has not ended, and say so."""
    with desk(settings) as at:
        job = at.job(request)
        if job.end is not None:
            raise Problem("queue-not-dropped", request=job.id)
        event = encode_event(decide.cancellation(job, "operator"))
        at.log.append(Place(RESULTS, job.partition), job.id, event)
        return Texts(settings.language).say("queue-dropped", request=job.id)


def drain(settings: Settings, *, on: bool) -> str:
    """Have workers take no more and the intake refuse, or the reverse, and say so."""
    with closing(build_log(settings)) as log:
        write_drain(log, on=on)
    return Texts(settings.language).say("drain-on" if on else "drain-off")


def _events(log: Log, job: Job) -> Iterator[tuple[int, Event]]:
    place = Place(RESULTS, job.partition)
    with closing(log.follow({place: max(job.first, 0)})) as follower:
        while records := follower.poll(0.0, _BATCH):
            for record in records:
                event = decode_event(record.value) if record.key == job.id else None
                if event is not None:
                    yield record.timestamp, event


def _facts(event: Event) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.structs.asdict(event)
    return {
        **{name: value for name, value in facts.items() if isinstance(value, int | float | str)},
        "percent": round(100 * facts.get("fraction", 0)),
        "pictures": len(facts.get("pictures", ())),
        "final": str(facts.get("final", False)).lower(),
    }


def _line(job: Job) -> dict[str, Any]:
    return {
        "request": job.id,
        "person": job.request.person if job.request else "?",
        "minutes": round(max(0, now_ms() - job.requested) / 60_000, 1),
        "worker": job.claim.worker if job.claim else "",
        "level": job.claim.level if job.claim else "",
        "attempts": job.attempts,
    }


def _told(job: Job) -> dict[str, Any]:
    return _line(job) | {"state": job.state, "requested": _time(job.requested)}


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()
