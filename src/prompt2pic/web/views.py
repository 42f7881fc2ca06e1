"""A job as callers see it."""

from datetime import UTC, datetime
from typing import Any

from fastapi import Request

from prompt2pic.core.errors import Problem
from prompt2pic.core.events import Expired, Failed, Finished, Picture
from prompt2pic.core.jobs import Job
from prompt2pic.core.requests import Request as Body
from prompt2pic.core.unread import unread
from prompt2pic.edge.hub import Hub
from prompt2pic.texts import sentence
from prompt2pic.web.links import PictureLinks
from prompt2pic.web.people import Caller

STATUSES = {
    "waiting": "queued",
    "held": "processing",
    "finished": "succeeded",
    "failed": "failed",
    "cancelled": "canceled",
}


class Views:
    """Makes what callers see of jobs."""

    def __init__(self, hub: Hub, links: PictureLinks) -> None:
        self._hub = hub
        self._links = links

    def job(self, job: Job, request: Request, person: Caller) -> dict[str, Any]:
        """Return the job object."""
        assert job.request is not None, "history holds jobs with their request"  # noqa: S101
        end = job.end
        read = dict(unread(job.request, end.read, end.negative_read)) if isinstance(end, Finished) else {}
        return {
            "id": job.id,
            "object": "job",
            "status": STATUSES[job.state],
            "created_at": _time(job.requested),
            "started_at": _time(job.started or job.claimed),
            "completed_at": _time(job.ended),
            **self._outlook(job),
            "input": _input(job.request),
            "output": self.pictures(job, request, person),
            "level": job.claim.level if job.claim else None,
            "lowered": bool(job.claim and job.claim.lowered),
            "words_read": read.get("prompt-cut"),
            "negative_words_read": read.get("negative-cut"),
            "error": _error(job, person.language),
            "metrics": _metrics(job),
            "urls": _urls(job),
        }

    def pictures(self, job: Job, request: Request, person: Caller) -> list[dict[str, Any]] | None:
        """Return the pictures of a finished job with their addresses, None of another."""
        if not isinstance(job.end, Finished):
            return None
        return [self._picture(picture, request, person) for picture in job.end.pictures]

    def _picture(self, picture: Picture, request: Request, person: Caller) -> dict[str, Any]:
        return {
            "url": self._links.address(picture.key, request, relative=person.browser),
            "seed": picture.seed,
            "width": picture.width,
            "height": picture.height,
            "painted_width": picture.painted_width,
            "painted_height": picture.painted_height,
        }

    def _outlook(self, job: Job) -> dict[str, Any]:
        place, eta, progress, preview = None, None, None, None
        if job.state == "waiting":
            wait = self._hub.wait(job.id)
            place = wait.place if wait else None
            eta = _range(wait.soonest, wait.latest) if wait else None
        elif job.state == "held":
            left = self._hub.load().left(job)
            eta, progress = _range(left, left), job.progress.fraction if job.progress else 0.0
            preview = _preview(job)
        progress = 1.0 if job.state == "finished" else progress
        return {"queue_position": place, "eta": eta, "progress": progress, "preview": preview}


def _preview(job: Job) -> str | None:
    """Return what is being painted as an address that holds the picture itself."""
    return f"data:image/jpeg;base64,{job.progress.preview}" if job.progress and job.progress.preview else None


def _range(soonest: float | None, latest: float | None) -> list[float] | None:
    if soonest is None or latest is None:
        return None
    return [round(min(soonest, latest), 1), round(max(soonest, latest), 1)]


def _time(ms: int) -> str | None:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms else None


def _input(body: Body) -> dict[str, Any]:
    return {
        "prompt": body.prompt,
        "negative_prompt": body.negative,
        "model": body.model or None,
        "size": f"{body.width}x{body.height}" if body.width else None,
        "n": body.count,
        "seed": body.seed,
        "variation_strength": body.strength,
        "level": body.level,
    }


def _error(job: Job, language: str) -> dict[str, str] | None:
    if isinstance(job.end, Failed):
        return {"code": job.end.reason, "message": sentence(Problem(job.end.reason), language)}
    if isinstance(job.end, Expired):
        return {"code": "lease-expired", "message": sentence(Problem("lease-expired"), language)}
    return None


def _metrics(job: Job) -> dict[str, Any] | None:
    if not job.ended:
        return None
    finished = job.end if isinstance(job.end, Finished) else None
    return {
        "wait_seconds": round(max(0, job.claimed - job.requested) / 1000, 3) if job.claimed else None,
        "paint_seconds": finished.seconds if finished else None,
        "attempts": job.attempts + (finished is not None),
        "steps": finished.steps if finished else None,
    }


def _urls(job: Job) -> dict[str, str]:
    get = f"/v1/jobs/{job.id}"
    return {"get": get, "cancel": get, "events": f"{get}/events", "erase": f"{get}/erase"}
