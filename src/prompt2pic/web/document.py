"""What the OpenAPI document says beside the routes' own signatures: errors, other types, methods."""

from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """What a client sends: the types that the document names and no likeness of them, the unknown ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Error(BaseModel):
    """What is wrong, in the form that OpenAI's clients read."""

    message: str = Field(description="A sentence for a person, in the language of Accept-Language.")
    type: str = Field(description="`invalid_request_error`, `rate_limit_error`, `server_error` and the like.")
    param: str | None = Field(description="The field at fault.")
    code: str = Field(description="The same for every language.")


class Refusal(BaseModel):
    """The body of every answer that is no success."""

    error: Error


# 400, 401, 403, 404, 405, 409, 422, 429: any route may answer most of them, so they are said once.
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Refusal, "description": "Refused: `error.message` says what to do."},
    "5XX": {"model": Refusal, "description": "Nothing was taken: try again."},
}
_EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("id", "event", "data")}}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `place`, `progress` and `end`, each with the whole job",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {"image/png": {"schema": {"type": "string"}}}}
}


def allowed(app: FastAPI, request: Request) -> dict[str, str]:
    """Return the `Allow` header of an address: all its methods, not those of one of its routes alone."""
    path = getattr(request.scope.get("route"), "path", None)
    methods = app.openapi()["paths"].get(path, {})
    return {"Allow": ", ".join(sorted(method.upper() for method in methods))} if methods else {}
