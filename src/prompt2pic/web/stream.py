"""Server-sent events of one job: place, wait, progress, end (WHATWG HTML, 9.2)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from prompt2pic.core.jobs import Job
from prompt2pic.edge.hub import Hub

_LOOK = 1.0  # seconds between two looks at a place that may have changed
_COMMENT = 15.0  # seconds without an event after which a comment keeps the connection

View = Callable[[], dict[str, Any]]


async def job_events(hub: Hub, job: Job, view: View, last_id: int) -> AsyncIterator[bytes]:
    """Yield the job's events until its end; `last_id` is the last one the caller has, -1 for none.

    An id is how far the ledger was read. Each event carries the whole job, so that none is missed by a reader
    who comes back: they get what has changed since, and the end in any case.
    """
    told: object = None
    quiet = 0.0
    with hub.watching(job.id) as changed:
        while True:
            changed.clear()
            shown = view()
            if _outlook(shown) != told and (told is not None or hub.position(job) > last_id or job.end):
                told, quiet = _outlook(shown), 0.0
                yield _event(_name(shown), hub.position(job), shown)
            elif quiet >= _COMMENT:
                quiet = 0.0
                yield b": still here\n\n"
            if job.end is not None:
                return
            quiet += _LOOK
            await _either(changed)


async def _either(changed: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(changed.wait(), _LOOK)
    except TimeoutError:
        return


def _outlook(shown: dict[str, Any]) -> object:
    return shown["status"], shown["queue_position"], shown["eta"], shown["progress"]


def _name(shown: dict[str, Any]) -> str:
    return {"queued": "place", "processing": "progress"}.get(shown["status"], "end")


def _event(name: str, number: int, shown: dict[str, Any]) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: ".encode() + msgspec.json.encode(shown) + b"\n\n"
