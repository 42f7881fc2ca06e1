"""Records as tests need them: only what a test cares about has to be named."""

from typing import Any

from prompt2pic.core.events import (
    Announced,
    Cancelled,
    Claimed,
    Delivered,
    Event,
    Expired,
    Failed,
    Finished,
    JobEvent,
    Picture,
    Progressed,
    Released,
    Started,
    Token,
    encode_event,
)
from prompt2pic.core.jobs import TRANSITIONS, Job
from prompt2pic.core.ports import Level, Model, Place, Record
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.core.workers import WorkerState

HOUR = 3600 * 1000  # ms
MODEL = Model(
    name="wuerstchen",
    sizes=((512, 512), (768, 512)),
    levels=(Level(name="fast", steps=4), Level(name="balanced", steps=8), Level(name="best", steps=16)),
)


def request(id: str = "r", **fields: Any) -> Request:
    """Return a request of one person."""
    return Request(**{"id": id, "person": "ann", "prompt": "a sunset", "seed": 1} | fields)


def claimed(id: str = "r", at: int = 0, **fields: Any) -> Claimed:
    """Return a claim by the worker `w1`."""
    defaults = {"worker": "w1", "model": "wuerstchen", "level": "best", "lease": 15.0, "predicted": 8.0}
    return Claimed(**{"request": id, "at": at, "attempt": "a"} | defaults | fields)


def started(token: Token, id: str = "r", at: int = 0) -> Started:
    """Return the record that painting has begun."""
    return Started(request=id, at=at, token=token)


def progressed(token: Token, id: str = "r", at: int = 0, left: float | None = None) -> Progressed:
    """Return a record of progress, half-way."""
    return Progressed(request=id, at=at, token=token, fraction=0.5, step=2, steps=4, left=left)


def released(token: Token, id: str = "r", at: int = 0) -> Released:
    """Return the record that gives a job back."""
    return Released(request=id, at=at, token=token, reason="worker-stopping")


def failed(token: Token | None, id: str = "r", at: int = 0, **fields: Any) -> Failed:
    """Return the record of a failed attempt that may be tried again."""
    return Failed(
        **{"request": id, "at": at, "token": token, "reason": "painter-crashed", "final": False} | fields
    )


def expired(token: Token, last: int, id: str = "r", at: int = 0, **fields: Any) -> Expired:
    """Return the record that takes a job from a silent attempt."""
    return Expired(**{"request": id, "at": at, "token": token, "last": last, "final": False} | fields)


def cancelled(id: str = "r", at: int = 0, **fields: Any) -> Cancelled:
    """Return the record that ends a job because nobody wants it."""
    return Cancelled(**{"request": id, "at": at, "by": "person"} | fields)


def finished(token: Token, id: str = "r", at: int = 0, **fields: Any) -> Finished:
    """Return the record of a job with one picture of 512 x 512."""
    defaults = {"worker": "w1", "model": "wuerstchen", "level": "best", "steps": 16, "seconds": 8.0}
    return Finished(
        **{"request": id, "at": at, "token": token, "pictures": (picture(f"{id}/a/0.png"),)}
        | defaults
        | fields
    )


def announced(message: int, id: str = "r", at: int = 0) -> Announced:
    """Return the record of a status message."""
    return Announced(request=id, at=at, message=message)


def delivered(id: str = "r", at: int = 0, **fields: Any) -> Delivered:
    """Return the record that the person has what they were to get."""
    return Delivered(request=id, at=at, **fields)


def picture(key: str = "r/a/0.png", side: int = 512) -> Picture:
    """Return a stored picture."""
    return Picture(key=key, seed=1, width=side, height=side, painted_width=side, painted_height=side)


def worker(name: str = "w1", model: Model = MODEL, **fields: Any) -> WorkerState:
    """Return a live worker that paints in 2, 4 and 8 seconds."""
    seconds = {"fast": 2.0, "balanced": 4.0, "best": 8.0}
    return WorkerState(**{"name": name, "state": "ready", "model": model, "seconds": seconds} | fields)


def job(id: str = "r", *, requested: int = 1, asked: Request | None = None, **fields: Any) -> Job:
    """Return a waiting job that was requested at `requested` (ms)."""
    body = asked or request(id)
    return Job(**{"id": id, "partition": 0, "at": 0, "request": body, "requested": requested} | fields)


def held(id: str = "r", by: str = "w1", predicted: float = 8.0, claimed_at: int = 1, **fields: Any) -> Job:
    """Return a job that a worker took at `claimed_at` (ms)."""
    claim = claimed(id, worker=by, predicted=predicted)
    state = {"state": "held", "claim": claim, "token": Token(0, "a"), "last": 0}
    return job(id, **state | {"claimed": claimed_at, "heard": claimed_at} | fields)


def asked(offset: int, body: Request | None, timestamp: int = 1, partition: int = 0) -> Record:
    """Return a record of `requests`; None stands for bytes that no program knows."""
    value = b"?" if body is None else encode_request(body)
    return Record(Place(REQUESTS, partition), offset, body.id if body else "", value, timestamp)


def told(offset: int, event: Event | None, timestamp: int = 1, partition: int = 0) -> Record:
    """Return a record of `results`; None stands for bytes that no program knows."""
    value = b"?" if event is None else encode_event(event)
    return Record(Place(RESULTS, partition), offset, "", value, timestamp)


def apply(job: Job, offset: int, timestamp: int, event: JobEvent) -> bool:
    """Change a job by one event as the ledger does; return whether the event counted."""
    return TRANSITIONS[type(event)](job, offset, timestamp, event)
