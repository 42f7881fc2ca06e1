"""Options at the end of a prompt: `--no blur --ar 16:9 --seed 42 --n 4 --level fast`."""

import re
from collections.abc import Callable

import msgspec

from prompt2pic.core.asks import LARGEST_SEED, Ask
from prompt2pic.core.errors import Refused
from prompt2pic.core.requests import LEVELS

# Phones turn two hyphens into a dash, which before any other word is a dash.
_OPTION = re.compile(
    r"(?:^|(?<=\s))(?:--|[—–](?=(?:no|ar|size|seed|n|level)\b))(?P<name>[A-Za-zА-Яа-яЁё]\w*)(?=\s|=|$)[ \t]*=?"
)


def parse(text: str) -> Ask:
    """Return the prompt of a message and its options. Raises Refused naming the option that is wrong."""
    found = list(_OPTION.finditer(text))
    prompt = text[: found[0].start()] if found else text
    changes: dict[str, object] = {}
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        changes.update(_read(match["name"].lower(), text[match.end() : end].strip()))
    return msgspec.structs.replace(Ask(prompt=prompt.strip()), **changes)


def size(value: str) -> tuple[int, int]:
    """Return (width, height) in pixels from `1024x768`. Raises Refused."""
    return _pair(value, r"[xх×*]", "size", "1024x768")


def _read(name: str, value: str) -> dict[str, object]:
    if name not in _OPTIONS:
        raise Refused("option-unknown", param=name, option=f"--{name}", options=" ".join(_FORMS))
    return _OPTIONS[name](value)


def _negative(value: str) -> dict[str, object]:
    if not value:
        raise Refused("option-wrong", param="negative", option="--no", value=value, form="--no blurry, text")
    return {"negative": value}


def _aspect(value: str) -> dict[str, object]:
    return {"aspect": _pair(value, ":", "ar", "16:9")}


def _size(value: str) -> dict[str, object]:
    width, height = size(value)
    return {"width": width, "height": height}


def _pair(value: str, between: str, option: str, form: str) -> tuple[int, int]:
    match = re.fullmatch(rf"(\d{{1,5}})\s*{between}\s*(\d{{1,5}})", value, re.IGNORECASE)
    if not match or not int(match[1]) or not int(match[2]):
        raise Refused(
            "option-wrong", param=option, option=f"--{option}", value=value, form=f"--{option} {form}"
        )
    return int(match[1]), int(match[2])


def _seed(value: str) -> dict[str, object]:
    return {"seed": _number("seed", value, 0, LARGEST_SEED, "--seed 42")}


def _count(value: str) -> dict[str, object]:
    return {"count": _number("n", value, 1, 10, "--n 4")}


def _number(option: str, value: str, least: int, most: int, form: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= most:
        raise Refused("option-wrong", param=option, option=f"--{option}", value=value, form=form)
    return int(value)


def _level(value: str) -> dict[str, object]:
    if value.lower() not in LEVELS:
        raise Refused(
            "option-wrong", param="level", option="--level", value=value, form=f"--level {'|'.join(LEVELS)}"
        )
    return {"level": value.lower()}


_OPTIONS: dict[str, Callable[[str], dict[str, object]]] = {
    "no": _negative,
    "ar": _aspect,
    "size": _size,
    "seed": _seed,
    "n": _count,
    "level": _level,
}
_FORMS = ("--no", "--ar", "--size", "--seed", "--n", "--level")
