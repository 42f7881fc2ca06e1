"""From an ask to a request: the decisions of whoever submits."""

from collections.abc import Iterable
from itertools import takewhile
from math import sqrt

import msgspec

from prompt2pic.core.asks import Ask, Limits
from prompt2pic.core.decide import MAX_AGE
from prompt2pic.core.errors import Refused
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Model, Place
from prompt2pic.core.queue import REQUESTS, Queue
from prompt2pic.core.requests import Grown, Request, partition_of
from prompt2pic.core.tally import DAY

WEB = "web"  # the kind of `reply` of whoever comes to look for the answer

_GRID = 8  # pixels: sides made from an aspect are multiples of this


def check_quota(queue: Queue, person: str, count: int, limits: Limits, now: int) -> None:
    """Raise Refused where `count` more pictures would be over the person's quota at `now` (ms)."""
    if queue.turns.waiting_of(person) >= limits.waiting:
        raise Refused("quota-waiting", limit=limits.waiting, retry_after=10.0)
    over = queue.tally.pictures(person, now) + count - limits.day
    if over > 0:
        room = queue.tally.room_in(person, over, now)
        raise Refused("quota-day", limit=limits.day, hours=round(room / 3600, 1), retry_after=room)


def affordable(ask: Ask, asked: Iterable[Job], limits: Limits, now: int) -> Ask:
    """Return the ask, with the level left to the policy where the person's best ones of the day are used up.

    `asked` are the person's jobs, newest first; `now` in ms.
    """
    if ask.level != "best":
        return ask
    today = takewhile(lambda job: now - job.requested < DAY, asked)
    used = sum(job.request is not None and job.request.level == "best" for job in today)
    return ask if used < limits.best else msgspec.structs.replace(ask, level="auto")


def check_age(sent: int, now: int) -> None:
    """Raise Refused for a message or key older than 24 hours: a late repeat must never look new."""
    if now - sent > min(MAX_AGE, DAY):
        raise Refused("message-too-old")


def request_of(
    ask: Ask,
    *,
    id: str,
    person: str,
    seed: int,
    model: Model | None,
    language: str,
    digest: str,
    limits: Limits,
    reply: dict[str, str | int],
) -> Request:
    """Return the request for a checked ask; `seed` is used where the person gave none.

    `model` is what the workers paint with, None before one was heard of. Who is answered in a chat must be told of
    the end before the job is over.
    """
    width, height = _size(ask, model, limits)
    return Request(
        id=id,
        person=person,
        prompt=ask.prompt,
        negative=ask.negative,
        model=ask.model if model is not None and ask.model == model.name else "",
        width=width,
        height=height,
        count=ask.count,
        seed=seed if ask.seed is None else ask.seed,
        strength=ask.strength,
        level=ask.level,
        language=language,
        reply=reply,
        digest=digest,
        notify=reply["kind"] != WEB,
    )


def to_append(
    queue: Queue, number: int, body: Request, *, again: bool
) -> tuple[Place, Request | Grown] | None:
    """Return what to append next, and where, so that a request counts once; None once it does.

    `number` is that of the partitions to place requests in, `again` whether the request was appended before.
    Each record must have been read back by the queue before the next one is asked for.
    """
    lacking = queue.lacking(number)
    if lacking:
        return Place(REQUESTS, lacking[0]), Grown(number=number)
    partition, known_in = partition_of(body.person, number), queue.where(body.id)
    if known_in is not None and (again or known_in != partition):
        return None
    return Place(REQUESTS, partition), msgspec.structs.replace(body, partitions=number)


def _size(ask: Ask, model: Model | None, limits: Limits) -> tuple[int | None, int | None]:
    if ask.aspect is None or ask.width is not None:
        return ask.width, ask.height
    area = model.sizes[0][0] * model.sizes[0][1] if model else 1024 * 1024
    across, down = ask.aspect
    width = sqrt(area * across / down)
    width = max(width, limits.smallest, limits.smallest * across / down)
    width = min(width, limits.largest, limits.largest * across / down)
    return _on_grid(width), _on_grid(width * down / across)


def _on_grid(pixels: float) -> int:
    return max(_GRID, round(pixels / _GRID) * _GRID)
