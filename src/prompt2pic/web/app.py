"""The web application: routes, errors as sentences, the page."""

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prompt2pic import __version__
from prompt2pic.core.errors import (
    AppendUnknown,
    LogUnavailable,
    PictureMissing,
    Problem,
    Refused,
    StoreUnavailable,
)
from prompt2pic.edge.submit import Draining, KeyReused
from prompt2pic.ops.metrics import Metrics
from prompt2pic.ops.server import answer, exposing
from prompt2pic.texts import sentence
from prompt2pic.web import images, jobs
from prompt2pic.web.context import Context
from prompt2pic.web.document import ERRORS, PICTURE, allowed
from prompt2pic.web.guard import Foreign, Guard
from prompt2pic.web.images import InFlight
from prompt2pic.web.page import STATIC, page_in
from prompt2pic.web.people import NotKnown, language_of

_log = structlog.get_logger(__name__)


def make_app(context: Context, guard: Guard, *, private: bool) -> FastAPI:
    """Return the application; it follows the log while it is running.

    `private` says that nobody beyond this machine reaches it: then it serves its metrics itself.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with context.hub.running():
            yield

    app: FastAPI = FastAPIOffline(
        title="Prompt2Pic",
        version=__version__,
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
        responses=ERRORS,
    )
    _add_errors(app, context.metrics)
    app.add_middleware(_Gate, guard, context.metrics)
    _add_operators_routes(app, context, private)
    _add_page(app, context)
    app.include_router(images.router(context))
    app.include_router(jobs.router(context))
    return app


class _Gate:
    """Lets in what the guard lets in, and counts the answers. Starlette's own kind costs a task a request."""

    def __init__(self, app: ASGIApp, guard: Guard, metrics: Metrics) -> None:
        self._app, self._guard, self._metrics = app, guard, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, began = Request(scope), time.monotonic()
        try:
            self._guard.check(request)
        except Foreign as refused:
            await _problem(request, refused)(scope, receive, send)
            return

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._guard.protect(request, MutableHeaders(scope=message))
                route = getattr(scope.get("route"), "path", "other")
                self._metrics.http.labels(request.method, route, str(message["status"])).inc()
                self._metrics.http_seconds.labels(route).observe(time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, answered)


def _add_operators_routes(app: FastAPI, context: Context, private: bool) -> None:
    exposition = exposing(context.metrics, context.hub.show)

    async def operators(request: Request) -> Response:
        told = answer(request.url.path, context.health, exposition)
        assert told is not None, "these are the paths of ops"  # noqa: S101
        return Response(told.body, told.status, media_type=told.type)

    for path in ("/healthz", "/readyz", *(["/metrics"] if private else [])):
        app.add_route(path, operators, include_in_schema=False)


def _add_page(app: FastAPI, context: Context) -> None:
    app.mount("/static", _Fresh(directory=str(STATIC)), name="static")

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
        response = HTMLResponse(page_in(language_of(request)), headers=headers)
        context.people.welcome(request, response)
        return response

    @app.get(
        "/pictures/{key:path}",
        tags=["pictures"],
        summary="A picture, by its signed address",
        response_class=StreamingResponse,
        responses=PICTURE,
    )
    async def picture(key: str, expires: int, signature: str) -> Response:
        if not context.links.valid(key, expires, signature) or context.hub.history.erased(key.split("/")[0]):
            raise PictureMissing("picture-link-expired")
        chunks = context.store.stream(key)
        first = await anext(chunks)  # so that a missing one is an answer, not a broken stream
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return StreamingResponse(_chain(first, chunks), media_type="image/png", headers=headers)


class _Fresh(StaticFiles):
    """Files that a browser asks for anew, so that after an upgrade it never mixes old and new ones."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _add_errors(app: FastAPI, metrics: Metrics) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, raised: Problem) -> JSONResponse:
        metrics.trouble(raised)
        return _problem(request, raised)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, raised: RequestValidationError) -> JSONResponse:
        first = raised.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return _problem(request, Refused("body-wrong", param=param, field=param, why=_why(first["type"])))

    @app.exception_handler(HTTPException)
    async def other(request: Request, raised: HTTPException) -> JSONResponse:
        key = {404: "page-missing", 405: "method-wrong"}.get(raised.status_code, "request-wrong")
        headers = {**(raised.headers or {}), **(allowed(app, request) if key == "method-wrong" else {})}
        return _answer(raised.status_code, "invalid_request_error", Problem(key), request, headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, raised: Exception) -> JSONResponse:
        _log.error("unexpected", path=request.url.path, exc_info=raised)
        return _answer(500, "server_error", Problem("unexpected"), request)


def _why(kind: str) -> str:
    """Return what is wrong with a field as a word that `texts` knows."""
    for known in ("missing", "json_invalid", "literal_error", "string", "int", "float", "bool"):
        if kind.startswith(known):
            return known.replace("_", "-")
    return "other"


def _problem(request: Request, problem: Problem) -> JSONResponse:
    status, kind = next((s, k) for error, s, k in _STATUSES if isinstance(problem, error))
    if status == 503 and not isinstance(problem, Draining):
        # What it says of files and addresses is the owner's business, not the caller's.
        _log.warning("unavailable", why=str(problem))
        problem = Problem("service-unavailable")
    if isinstance(problem, Refused) and problem.key == "job-missing":
        status = 404
    retry = getattr(problem, "retry_after", None)
    if isinstance(problem, Refused) and retry is not None and status == 400:
        status, kind = 429, "rate_limit_error"
    headers = {"Retry-After": str(max(1, round(retry)))} if retry is not None else {}
    if isinstance(problem, NotKnown):
        headers["WWW-Authenticate"] = 'Basic realm="Prompt2Pic", charset="UTF-8"'
    return _answer(status, kind, problem, request, headers)


def _answer(status: int, kind: str, problem: Problem, request: Request, headers: Any = None) -> JSONResponse:
    error = {
        "message": sentence(problem, language_of(request)),
        "type": kind,
        "param": getattr(problem, "param", None),
        "code": problem.key,
    }
    return JSONResponse({"error": error}, status_code=status, headers=headers)


_STATUSES: tuple[tuple[type[Problem], int, str], ...] = (
    (NotKnown, 401, "authentication_error"),
    (Foreign, 403, "permission_error"),
    (KeyReused, 422, "invalid_request_error"),
    (InFlight, 409, "invalid_request_error"),
    (Draining, 503, "server_error"),
    (Refused, 400, "invalid_request_error"),
    (PictureMissing, 404, "invalid_request_error"),
    (LogUnavailable, 503, "server_error"),
    (AppendUnknown, 503, "server_error"),
    (StoreUnavailable, 503, "server_error"),
    (Problem, 500, "server_error"),
)
