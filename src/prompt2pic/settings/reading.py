"""Reading the settings, and a sentence for what is wrong with them."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from prompt2pic.core.errors import Problem
from prompt2pic.settings.fields import PREFIX, Settings

ENV_FILE = ".env"
KAFKA_PREFIX = f"{PREFIX}KAFKA_"


def load_settings(env_file: str | Path = ENV_FILE, **overrides: Any) -> Settings:
    """Return the settings; `overrides` come from the command line. Raises Problem for the first wrong one."""
    given = _given(env_file)
    _refuse_unknown(given)
    kafka = {_property(name): value for name, value in given.items() if name.startswith(KAFKA_PREFIX)}
    asked = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**asked | {"_env_file": env_file, "kafka": kafka})
    except ValidationError as error:
        raise _problem(error.errors()[0], asked) from None
    _refuse_shared(settings)
    return settings


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def _given(env_file: str | Path) -> dict[str, str]:
    """Return what is set under our prefix; the environment wins over the file."""
    try:
        values = dotenv_values(env_file) | os.environ
    except (OSError, UnicodeDecodeError):
        raise Problem("settings-file-unreadable", file=str(env_file)) from None
    return {
        name.upper(): value for name, value in values.items() if value and name.upper().startswith(PREFIX)
    }


def _refuse_unknown(given: dict[str, str]) -> None:
    known = [variable(field) for field in Settings.model_fields if field != "kafka"]
    for name in given:
        if name not in known and not name.startswith(KAFKA_PREFIX):
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise Problem("setting-unknown", name=name, near=near[0])


def _refuse_shared(settings: Settings) -> None:
    """Refuse a port of metrics that people or Telegram are to reach as well."""
    for field in ("port", "bot_port"):
        if settings.metrics_port and settings.metrics_port == getattr(settings, field):
            names = {"name": variable("metrics_port"), "other": variable(field)}
            raise Problem("port-twice", port=settings.metrics_port, **names)


def _property(name: str) -> str:
    return name.removeprefix(KAFKA_PREFIX).lower().replace("_", ".")


def _problem(error: ErrorDetails, asked: dict[str, Any]) -> Problem:
    """Return the sentence for one of pydantic's errors; the value of a secret is never in it."""
    field = str(error["loc"][0])
    name = f"--{field.replace('_', '-')}" if field in asked else variable(field)
    why, limit = _reason(error)
    if "SecretStr" in str(Settings.model_fields[field].annotation):
        return Problem("secret-setting-wrong", name=name, why=why, limit=limit)
    return Problem("setting-wrong", name=name, value=str(error["input"]), why=why, limit=limit)


def _reason(error: ErrorDetails) -> tuple[str, str]:
    """Return what is wrong as a word that `texts` knows, and the limit or the choices it speaks of."""
    rules = error.get("ctx", {})
    match error["type"]:
        case "setting":
            return str(rules["why"]), ""
        case "int_parsing" | "int_type" | "int_from_float":
            return "whole-number", ""
        case "float_parsing" | "float_type" | "finite_number":
            return "number", ""
        case "bool_parsing" | "bool_type":
            return "yes-or-no", ""
        case "greater_than_equal":
            return "at-least", f"{rules['ge']:g}"
        case "less_than_equal":
            return "at-most", f"{rules['le']:g}"
        case "greater_than":
            return "more-than", f"{rules['gt']:g}"
        case "too_short" | "string_too_short":
            return "too-short", str(rules["min_length"])
        case "literal_error":
            return "one-of", str(rules["expected"]).replace("'", "").replace(" or ", ", ")
    return "other", ""
