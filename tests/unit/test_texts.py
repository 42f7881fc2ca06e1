"""Texts: both languages say the same things, and everything the code can say has a sentence."""

import ast
import logging
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from prompt2pic.bot.menu import COMMANDS, OWNERS
from prompt2pic.core import errors
from prompt2pic.core.errors import Problem, Refused
from prompt2pic.core.events import JobEvent
from prompt2pic.texts import LANGUAGES, SHORT, Texts, nearest, sentence, texts
from prompt2pic.web.page import HOLES

SOURCES = Path(__file__).parents[2] / "src" / "prompt2pic"
# By their names: the problems of the core, and those that other modules derive from them.
PROBLEMS = {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Problem)
}
PROBLEMS |= {
    name
    for path in SOURCES.rglob("*.py")
    for name, base in re.findall(r"^class (\w+)\((\w+)\):", path.read_text("utf-8"), flags=re.MULTILINE)
    if base in PROBLEMS
}
PAGE = SOURCES / "web" / "static"
_WORD = re.compile(r"\w+")
# Functions that take a reason, by its place among their arguments: a key that is said without arguments.
REASONS = {"failure": 1, "refusal": 1, "release": 1, "fail": 0, "_give_up_on": 1, "NotStored": 1}
# Problems that become the reason of a failed attempt, with their arguments lost.
OF_AN_ATTEMPT = {"PaintFailed", "StoreUnavailable"}
NO_KEYS = {"no-cache", "no-store", "cooperative-sticky"}  # words of HTTP and of Kafka
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
# Keys that the code puts together.
COMPOSED = {"prompt-too-long": {"length", "limit"}, "negative-too-long": {"length", "limit"}}
COMPOSED |= {
    f"queue-{state}": {"request", "person", "minutes", "worker", "level", "attempts"}
    for state in ("held", "waiting")
}
COMPOSED |= {f"bot-button-{name}": set() for name in ("cancel", "again", "variations", "best", "original")}
COMPOSED |= {f"bot-command-{name}": set() for name in COMMANDS + OWNERS}
COMPOSED |= {
    f"told-{kind.__name__.lower()}": {*kind.__struct_fields__, "time", "percent", "pictures", "final"}
    for kind in get_args(JobEvent)
}


class Use(NamedTuple):
    """A key where the code says it: the names of its arguments, None where they can not be told.

    A `reason` is kept in the log and said without arguments.
    """

    where: str
    key: str
    given: set[str] | None
    reason: bool


class _Names(Visitor):
    """Collects the variables and the messages that a pattern refers to."""

    def __init__(self) -> None:
        self.variables: set[str] = set()
        self.messages: set[str] = set()

    def visit_VariableReference(self, node: ftl.VariableReference) -> None:  # noqa: N802 - fluent's name
        self.variables.add(node.id.name)

    def visit_MessageReference(self, node: ftl.MessageReference) -> None:  # noqa: N802 - fluent's name
        self.messages.add(node.id.name)


def _messages(language: str) -> Iterator[ftl.Message]:
    for path in sorted((SOURCES / "texts" / language).glob("*.ftl")):
        for entry in FluentParser().parse(path.read_text("utf-8")).body:
            assert not isinstance(entry, ftl.Junk), f"{path.name}: {entry.content!r}"
            if isinstance(entry, ftl.Message):
                yield entry


@cache
def _names(language: str) -> dict[str, _Names]:
    found: dict[str, _Names] = {}
    for message in _messages(language):
        assert message.id.name not in found, f"{message.id.name} stands twice in {language}"
        found[message.id.name] = _Names()
        found[message.id.name].visit(message.value)
    return found


@cache
def _variables(language: str) -> dict[str, set[str]]:
    """Return the variables of every key, with those of the messages it refers to."""
    found = _names(language)
    return {
        key: names.variables.union(*(found[other].variables for other in names.messages))
        for key, names in found.items()
    }


@cache
def _without_arguments() -> set[str]:
    """Return the keys that can be said as a reason."""
    return {
        message.id.name for message in _messages("en") if any(a.id.name == SHORT for a in message.attributes)
    } | {key for key, variables in _variables("en").items() if not variables}


@cache
def _uses() -> tuple[Use, ...]:
    return tuple(_found())


def _found() -> Iterator[Use]:
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            where = f"{path.relative_to(SOURCES)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                yield from _of_call(node, where)
            elif isinstance(node, ast.Dict):
                yield from _of_table(node, where)


def _of_call(call: ast.Call, where: str) -> Iterator[Use]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in PROBLEMS | {"say"} and call.args:
        given = {keyword.arg for keyword in call.keywords}
        known = {str(arg) for arg in given} - {"param"} | {"retry_after"}
        checked = None if None in given or not given else known
        reason = name in OF_AN_ATTEMPT or not given
        yield from (Use(where, key, checked, reason) for key in _literals(call.args[0]))
    if len(call.args) > REASONS.get(name, len(call.args)):
        yield from (Use(where, key, None, True) for key in _literals(call.args[REASONS[name]]))


def _of_table(table: ast.Dict, where: str) -> Iterator[Use]:
    """Yield the keys of a table that chooses one by an error's number."""
    keys = [key for value in table.values for key in _literals(value) if KEY.fullmatch(key)]
    keys = [key for key in keys if key not in NO_KEYS]
    yield from (Use(where, key, None, False) for key in keys)


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def test_both_languages_have_the_same_keys_and_arguments() -> None:
    """A sentence that exists in one language exists in the other, about the same things."""
    assert _variables("ru") == _variables("en")


def test_everything_the_code_says_has_a_sentence() -> None:
    """Each key in the sources has a text."""
    missing = [f"{use.where} {use.key}" for use in _uses() if use.key not in _variables("en")]
    assert "\n".join(missing) == ""


def test_every_sentence_gets_its_arguments() -> None:
    """No text speaks of something that the code does not give it."""
    wrong = [
        f"{use.where} {use.key}: {sorted(lacking)}"
        for use in _uses()
        if use.given is not None and (lacking := _variables("en").get(use.key, set()) - use.given)
    ]
    assert "\n".join(wrong) == ""


def test_every_reason_can_be_said_without_arguments() -> None:
    """What failed an attempt is kept in the log as a key, and the person still reads a whole sentence."""
    wrong = [
        f"{use.where} {use.key}" for use in _uses() if use.reason and use.key not in _without_arguments()
    ]
    assert "\n".join(wrong) == ""


def test_no_sentence_is_left_over() -> None:
    """Each text is said somewhere, or is a part of one that is."""
    spoken = set(COMPOSED).union(*(names.messages for names in _names("en").values()))
    for path in SOURCES.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        spoken |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    spoken |= {f"web-{word}" for path in PAGE.iterdir() for word in _WORD.findall(path.read_text("utf-8"))}
    assert sorted(set(_variables("en")) - spoken) == []


def test_everything_the_page_says_has_a_text() -> None:
    """Each key that the page's scripts and its marks name is a text, with the holes that they fill."""
    said = re.compile(r'\bsay\("(\w+)"|data-say(?:-\w+)?="(\w+)"')
    named = {one or other for path in PAGE.iterdir() for one, other in said.findall(path.read_text("utf-8"))}
    assert sorted(key for key in named if f"web-{key}" not in _variables("en")) == []
    holes = set().union(*(names for key, names in _variables("en").items() if key.startswith("web-")))
    assert holes <= set(HOLES)


@pytest.mark.parametrize("key", COMPOSED)
def test_keys_that_are_put_together_have_a_sentence(key: str) -> None:
    """Keys that can not be found in the sources are listed here."""
    assert _variables("en")[key] <= COMPOSED[key]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_said(language: str) -> None:
    """With its arguments each text comes out whole, in each language."""
    for key, names in _variables(language).items():
        args: dict[str, Any] = dict.fromkeys(names, 1)
        assert texts(language).say(key, **args)


def test_russian_counts_as_russians_do() -> None:
    """One, few and many have their own forms."""
    said = [texts("ru").say("quota-waiting", limit=limit).split(",")[0] for limit in (1, 3, 5, 11, 21, 22)]
    assert [line.removeprefix("В очереди уже ") for line in said] == [
        "1 ваш запрос",
        "3 ваших запроса",
        "5 ваших запросов",
        "11 ваших запросов",
        "21 ваш запрос",
        "22 ваших запроса",
    ]


def test_a_problem_becomes_a_sentence_in_the_person_s_language() -> None:
    """The same problem is told in either language, with its arguments."""
    problem = Problem("setting-unknown", name="PROMPT2PIC_PROT", near="PROMPT2PIC_PORT")
    assert sentence(problem) == (
        "There is no setting PROMPT2PIC_PROT: did you mean PROMPT2PIC_PORT? docs/settings.md lists them all."
    )
    assert sentence(problem, "ru").startswith("Настройки PROMPT2PIC_PROT нет.")


def test_a_refusal_can_say_when_to_come_back() -> None:
    """The seconds to wait are an argument of a refusal's sentence."""
    assert sentence(Refused("quota-waiting", limit=20, retry_after=10.0))


def test_a_key_without_a_text_is_shown_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A person sees the key and its arguments instead of nothing, and the log has it."""
    with caplog.at_level(logging.WARNING):
        assert sentence(Problem("no-such-key", name="x")) == "no-such-key(name='x')"
    assert "no-such-key" in caplog.text


def test_a_reason_is_told_without_the_owner_s_details() -> None:
    """The person who asked reads neither paths nor addresses, and no gap where they stood."""
    assert "/data" in sentence(Problem("model-file-missing", path="/data"))
    assert sentence(Problem("model-file-missing")).startswith("The model is broken here")
    assert sentence(Problem("lease-expired")).startswith("The worker fell silent")


def test_an_unknown_key_is_an_error_where_it_is_said() -> None:
    """The bot, the page and the command line learn of a misspelt key in their tests."""
    with pytest.raises(KeyError):
        texts("en").say("no-such-key")
    with pytest.raises(LookupError):
        texts("en").say("setting-unknown", name="x")


@pytest.mark.parametrize(("tag", "language"), [("ru-RU", "ru"), ("ru_UA", "ru"), ("de", "en"), ("", "en")])
def test_the_nearest_language_is_taken(tag: str, language: str) -> None:
    """Whatever language a client names, it gets one that exists."""
    assert nearest(tag) == Texts(tag).language == language
