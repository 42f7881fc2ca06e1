"""The page: `static/index.html` with what it says, in the reader's language, put into it."""

import json
from functools import cache
from importlib.resources import files

from prompt2pic.texts import texts

STATIC = files("prompt2pic.web") / "static"
# What the page's scripts put into its texts: there they find `{name}` in the place of each.
HOLES = (
    *("count", "number", "painted", "painting", "part", "place", "prompt"),
    *("size", "time", "waiting"),
)

_PREFIX = "web-"
_LANGUAGE = '<html lang="en">'
_WORDS = 'id="words">'


@cache
def page_in(language: str) -> str:
    """Return the page in one of our languages."""
    page = (STATIC / "index.html").read_text("utf-8")
    page = page.replace(_LANGUAGE, f'<html lang="{language}">')
    return page.replace(_WORDS, _WORDS + _json(_words(language)))


def _words(language: str) -> dict[str, str]:
    known, holes = texts(language), {name: f"{{{name}}}" for name in HOLES}
    return {
        key.removeprefix(_PREFIX): known.say(key, **holes) for key in known.keys if key.startswith(_PREFIX)
    }


def _json(words: dict[str, str]) -> str:
    """Return JSON that no HTML parser takes for the end of its element (WHATWG HTML, 4.12.1.3)."""
    return json.dumps(words, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
