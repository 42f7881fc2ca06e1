"""`POST /v1/images/generations` in the form of the OpenAI Images API, and the models there are."""

import asyncio
import base64
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import Field

from prompt2pic.core.asks import Ask, kind_of_level
from prompt2pic.core.errors import Problem, Refused
from prompt2pic.core.events import Finished
from prompt2pic.core.jobs import Job
from prompt2pic.web.context import Context
from prompt2pic.web.document import Body
from prompt2pic.web.jobs import Text, size_of


class InFlight(Refused):
    """The same idempotency key is being answered right now."""


class ImageAsk(Body):
    """A request as OpenAI's clients send it; what they may send beyond this is ignored."""

    prompt: Text = Field(description="What to paint.", examples=["красный кот на синем фоне"])
    model: Text | None = Field(None, description="Any name is taken; an unknown one means the default.")
    n: int | None = Field(1, description="How many pictures, 1 to 10.")
    size: Text | None = Field(None, description="`1024x1024` in pixels, or `auto`.")
    quality: Text | None = Field(None, description="`low`, `medium`, `high`, `standard`, `hd` or `auto`.")
    response_format: Literal["url", "b64_json"] | None = Field(
        None, description="Where none is given, `url` for `dall-e*` and base64 otherwise."
    )
    stream: bool | None = Field(None, description="Not supported: watch a job's events instead.")
    user: Text | None = Field(None, description="Who asks, on a server without keys.")

    def wants_urls(self) -> bool:
        """Whether the answer holds addresses rather than the pictures themselves."""
        if self.response_format is not None:
            return self.response_format == "url"
        return bool(self.model and self.model.startswith("dall-e"))


def router(context: Context) -> APIRouter:
    """Return the routes that OpenAI's clients use."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI Images API"])

    @routes.post("/images/generations", summary="Paint, wait and answer with the pictures")
    async def generate(
        asked: ImageAsk, request: Request, idempotency_key: Annotated[str | None, Header()] = None
    ) -> dict[str, Any]:
        person = context.people.of(request, asked.user)
        job, new = await context.submitter.submit(person, _ask(asked), idempotency_key)
        if not new and job.end is None:
            raise InFlight("idempotency-key-in-flight", param="Idempotency-Key", retry_after=2.0)
        await _ended(context, job)
        _raise_unless_finished(job)
        return await _answer(context, job, asked, request)

    @routes.get("/models", summary="What pictures are painted with")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": _models(context)}

    return routes


def _ask(asked: ImageAsk) -> Ask:
    if asked.stream:
        raise Refused("stream-unsupported", param="stream")
    width, height = size_of(asked.size)
    return Ask(
        prompt=asked.prompt,
        model=asked.model or "",
        width=width,
        height=height,
        count=1 if asked.n is None else asked.n,
        level=kind_of_level(asked.quality or "auto"),
    )


async def _ended(context: Context, job: Job) -> None:
    # A caller who hangs up loses nothing: the job goes on and is among the person's jobs.
    with context.hub.watching(job.id) as changed:
        while job.end is None:
            await changed.wait()
            changed.clear()


def _raise_unless_finished(job: Job) -> None:
    if job.state == "cancelled":
        raise Refused("job-cancelled")
    if not isinstance(job.end, Finished):
        raise Problem(getattr(job.end, "reason", "lease-expired"))


async def _answer(context: Context, job: Job, asked: ImageAsk, request: Request) -> dict[str, Any]:
    assert isinstance(job.end, Finished), "only a finished job has pictures"  # noqa: S101
    first = job.end.pictures[0]
    return {
        "created": int(time.time()),
        "data": [await _picture(context, key.key, asked, request) for key in job.end.pictures],
        "background": "opaque",
        "output_format": "png",
        "quality": {"fast": "low", "balanced": "medium", "best": "high"}.get(job.end.level, job.end.level),
        "size": f"{first.width}x{first.height}",
    }


async def _picture(context: Context, key: str, asked: ImageAsk, request: Request) -> dict[str, str]:
    if asked.wants_urls():
        return {"url": context.links.address(key, request, relative=False)}
    data = await asyncio.to_thread(context.store.open, key)
    return {"b64_json": base64.b64encode(data).decode()}


def _models(context: Context) -> list[dict[str, Any]]:
    model = context.hub.model()
    if model is None:
        return []
    return [
        {
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": "prompt2pic",
            "sizes": [f"{width}x{height}" for width, height in model.sizes],
            "levels": [level.name for level in model.levels],
            "languages": list(model.languages),
        }
    ]
