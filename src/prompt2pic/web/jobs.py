"""`/v1/jobs`: ask without waiting, watch, fetch, cancel."""

from itertools import dropwhile, islice
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AfterValidator, Field

from prompt2pic.core import options
from prompt2pic.core.asks import Ask, kind_of_level
from prompt2pic.core.errors import Refused
from prompt2pic.core.jobs import Job
from prompt2pic.core.reader import now_ms
from prompt2pic.web.context import Context
from prompt2pic.web.document import EVENTS, Body


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# JSON can hold halves of characters (lone surrogates), which nothing behind this can write.
Text = Annotated[str, AfterValidator(_whole)]


class JobAsk(Body):
    """A request for pictures."""

    prompt: Text = Field(description="What to paint.", examples=["Закат над океаном"])
    negative_prompt: Text = Field("", description="What to keep out of the picture.")
    model: Text = Field("", description="Any name is taken; an unknown one means the default.")
    size: Text | None = Field(None, description="`1024x768` in pixels, or `auto`.")
    n: int = Field(1, description="How many pictures; the n-th has seed + n.")
    seed: int | None = Field(None, description="0 to 4294967295; a random one where none is given.")
    variation_strength: float | None = Field(
        None, description="With `seed`: `n` variations of its picture, this far (above 0, at most 1) from it."
    )
    level: Text = Field("auto", description="`auto` (by load), `fast`, `balanced` or `best`.")
    options_in_prompt: bool = Field(False, description="Read `--ar 16:9` and the like at the prompt's end.")
    user: Text | None = Field(None, description="Who asks, on a server without keys.")


def router(context: Context) -> APIRouter:
    """Return the routes of jobs."""
    routes = APIRouter(prefix="/v1", tags=["jobs"])

    @routes.post("/jobs", status_code=202, summary="Ask for pictures without waiting")
    async def create(
        asked: JobAsk, request: Request, idempotency_key: Annotated[str | None, Header()] = None
    ) -> JSONResponse:
        person = context.people.of(request, asked.user)
        job, _ = await context.submitter.submit(person, _ask(asked), idempotency_key)
        shown = context.views.job(job, request, person)
        return JSONResponse(shown, status_code=202, headers={"Location": f"/v1/jobs/{job.id}"})

    @routes.get("/jobs", summary="Your jobs, newest first")
    async def listed(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        before: str | None = None,
        user: str | None = None,
    ) -> dict[str, Any]:
        person = context.people.of(request, user)
        jobs = context.hub.history.of(person.name)
        if before is not None:
            jobs = islice(dropwhile(lambda job: job.id != before, jobs), 1, None)
        page = list(islice(jobs, limit + 1))
        shown = [context.views.job(job, request, person) for job in page[:limit]]
        return {"object": "list", "data": shown, "has_more": len(page) > limit}

    @routes.get("/jobs/{job_id}", summary="One of your jobs")
    async def one(job_id: str, request: Request, user: str | None = None) -> dict[str, Any]:
        person = context.people.of(request, user)
        return context.views.job(_find(context, job_id, person.name), request, person)

    @routes.get(
        "/jobs/{job_id}/events",
        summary="A job's server-sent events",
        response_class=StreamingResponse,
        responses=EVENTS,
    )
    async def events(
        job_id: str,
        request: Request,
        user: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        person = context.people.of(request, user)
        job = _find(context, job_id, person.name)
        last = int(last_event_id) if last_event_id and last_event_id.isdecimal() else -1
        stream = context.job_events(job, lambda: context.views.job(job, request, person), last)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    @routes.delete("/jobs/{job_id}", summary="Cancel one of your jobs; may be repeated")
    async def cancel(job_id: str, request: Request, user: str | None = None) -> dict[str, Any]:
        person = context.people.of(request, user)
        job = _find(context, job_id, person.name)
        await context.submitter.cancel(job)
        return context.views.job(job, request, person)

    @routes.post("/jobs/{job_id}/erase", summary="Delete one of your jobs and its pictures, for good")
    async def erase(job_id: str, request: Request, user: str | None = None) -> dict[str, Any]:
        person = context.people.of(request, user)
        await context.eraser.erase(_find(context, job_id, person.name))
        return {"id": job_id, "object": "job", "erased": True}

    @routes.delete("/me", summary="Forget you: cancel and delete everything you asked for until now")
    async def forget(request: Request, user: str | None = None) -> dict[str, Any]:
        person = context.people.of(request, user)
        return {"object": "person", "erased": await context.eraser.forget(person.name)}

    @routes.get("/queue", summary="How much there is to do")
    async def queue() -> dict[str, Any]:
        return _queue(context)

    return routes


def size_of(value: str | None) -> tuple[int | None, int | None]:
    """Return (width, height) in pixels of a size in a call; nothing for none and `auto`. Raises Refused."""
    return (None, None) if value in (None, "", "auto") else options.size(value or "")


def _ask(asked: JobAsk) -> Ask:
    width, height = size_of(asked.size)
    ask = Ask(
        prompt=asked.prompt,
        negative=asked.negative_prompt,
        model=asked.model,
        width=width,
        height=height,
        count=asked.n,
        seed=asked.seed,
        strength=asked.variation_strength,
        level=kind_of_level(asked.level),
    )
    return _with_options(ask) if asked.options_in_prompt else ask


def _with_options(ask: Ask) -> Ask:
    """Return the ask with the options at its prompt's end, which are nearest to the person's hand and win."""
    said, nothing = msgspec.structs.asdict(options.parse(ask.prompt)), Ask(prompt="")
    changes = {name: value for name, value in said.items() if value != getattr(nothing, name)}
    if "aspect" in changes:
        changes.update(width=None, height=None)
    return msgspec.structs.replace(ask, **{"prompt": ""} | changes)


def _find(context: Context, request: str, person: str) -> Job:
    job = context.hub.history.job(request, person)
    if job is None:
        raise Refused("job-missing", param="id")
    return job


def _queue(context: Context) -> dict[str, Any]:
    load, queue = context.hub.load(), context.hub.reader.queue
    oldest = queue.turns.oldest()
    return {
        "object": "queue",
        "waiting": len(queue.turns),
        "painting": len(load.held),
        "workers": len(load.workers),
        "oldest_seconds": None if oldest is None else round(max(0, now_ms() - oldest) / 1000, 1),
    }
