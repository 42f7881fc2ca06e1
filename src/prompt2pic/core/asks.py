"""What a person asks for, in their own terms, before it becomes a request."""

import unicodedata
from typing import Literal

import msgspec

from prompt2pic.core.errors import Refused
from prompt2pic.core.requests import LEVELS, LevelAsked


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt with its options; None stands for what the person left to us. Sizes in pixels.

    With `strength` the pictures are variations of the one that `seed` gives.
    """

    prompt: str
    negative: str = ""
    model: str = ""
    width: int | None = None
    height: int | None = None
    aspect: tuple[int, int] | None = None
    count: int = 1
    seed: int | None = None
    strength: float | None = None
    level: LevelAsked = "auto"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What may be asked for: characters of a prompt, pictures at once, pixels of a side, quotas.

    `best` is how many requests a day may name the best level themselves.
    """

    prompt: int = 1000
    count: int = 10
    smallest: int = 64
    largest: int = 2048
    waiting: int = 20
    day: int = 500
    best: int = 500


LARGEST_SEED = 2**32 - 1

_INVISIBLE = {"Cc", "Cs", "Co", "Cn"}  # control characters, lone surrogates, private use, unassigned


def tidy(text: str) -> str:
    """Return the text in Unicode form C with control characters and runs of spaces made single spaces."""
    seen = "".join(" " if unicodedata.category(c) in _INVISIBLE else c for c in text)
    return " ".join(unicodedata.normalize("NFC", seen).split())


def check(ask: Ask, limits: Limits) -> Ask:
    """Return the ask tidied, or raise Refused with what is wrong in it and what is right."""
    tidied = msgspec.structs.replace(ask, prompt=tidy(ask.prompt), negative=tidy(ask.negative))
    _check_text(tidied, limits)
    _check_numbers(tidied, limits)
    if tidied.level not in ("auto", *LEVELS):
        raise Refused("level-unknown", param="level", level=tidied.level, levels=", ".join(LEVELS))
    return tidied


def _check_text(ask: Ask, limits: Limits) -> None:
    if not any(character.isprintable() and not character.isspace() for character in ask.prompt):
        raise Refused("prompt-empty", param="prompt")
    for param, text in (("prompt", ask.prompt), ("negative", ask.negative)):
        if len(text) > limits.prompt:
            raise Refused(f"{param}-too-long", param=param, length=len(text), limit=limits.prompt)


def _check_numbers(ask: Ask, limits: Limits) -> None:
    if not 1 <= ask.count <= limits.count:
        raise Refused("count-wrong", param="n", count=ask.count, limit=limits.count)
    if ask.seed is not None and not 0 <= ask.seed <= LARGEST_SEED:
        raise Refused("seed-wrong", param="seed", limit=LARGEST_SEED)
    _check_strength(ask)
    sides = [side for side in (ask.width, ask.height) if side is not None]
    if any(not limits.smallest <= side <= limits.largest for side in sides) or _too_long(ask, limits):
        raise Refused("size-wrong", param="size", smallest=limits.smallest, largest=limits.largest)


def _check_strength(ask: Ask) -> None:
    if ask.strength is None:
        return
    if not 0 < ask.strength <= 1:
        raise Refused("strength-wrong", param="variation_strength")
    if ask.seed is None:
        raise Refused("strength-without-seed", param="variation_strength")


def _too_long(ask: Ask, limits: Limits) -> bool:
    return ask.aspect is not None and max(ask.aspect) * limits.smallest > min(ask.aspect) * limits.largest


def kind_of_level(quality: str) -> Literal["auto", "fast", "balanced", "best"]:
    """Return the level of an OpenAI `quality`; Refused where it is none of theirs or ours."""
    try:
        return _QUALITIES[quality]
    except KeyError:
        raise Refused("level-unknown", param="quality", level=quality, levels=", ".join(_QUALITIES)) from None


_QUALITIES: dict[str, LevelAsked] = {
    "auto": "auto",
    "low": "fast",
    "medium": "balanced",
    "high": "best",
    "standard": "auto",
    "hd": "best",
    "fast": "fast",
    "balanced": "balanced",
    "best": "best",
}
