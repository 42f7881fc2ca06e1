"""What people read, in English and Russian: Fluent files, one folder a language."""

import logging
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax.ast import Message

from prompt2pic.core.errors import Problem, Refused

LANGUAGES = ("en", "ru")
SHORT = "short"
_LARGEST = (
    10**15
)  # Fluent rounds to 28 digits and stumbles over more; what is beyond this is no number to count by

_log = logging.getLogger(__name__)


class Texts:
    """The texts of one language, or of the nearest that we speak."""

    def __init__(self, language: str) -> None:
        self.language = nearest(language)
        # Marks around arguments for right-to-left scripts would show as rubbish in terminals and captions.
        self._bundle = FluentBundle([self.language], use_isolating=False)
        self.keys: list[str] = []
        for source in _sources(self.language):
            resource = FluentResource(source)
            self._bundle.add_resource(resource)
            self.keys += [entry.id.name for entry in resource.body if isinstance(entry, Message)]

    def say(self, key: str, /, **args: Any) -> str:
        """Return the text of a key. Raises LookupError for an unknown key or a missing argument."""
        return self._format(self._bundle.get_message(key).value, args)

    def sentence(self, problem: Problem) -> str:
        """Return what a person reads of a problem: a key without a text is shown as it is, and logged.

        A reason from the log is a key without arguments: it is told by its text's `short` form if it has one.
        """
        retry = {"retry_after": problem.retry_after or 0} if isinstance(problem, Refused) else {}
        args = retry | problem.args_by_name
        try:
            return self.say(problem.key, **args) if problem.args_by_name else self._short(problem.key, args)
        except LookupError:
            _log.warning("no text for %s in %s", problem, self.language)
            return str(problem)

    def _short(self, key: str, args: dict[str, Any]) -> str:
        message = self._bundle.get_message(key)
        return self._format(message.attributes.get(SHORT, message.value), args)

    def _format(self, pattern: Any, args: dict[str, Any]) -> str:
        said, errors = self._bundle.format_pattern(pattern, {name: _sayable(args[name]) for name in args})
        if errors:
            raise LookupError(str(errors[0]))
        return str(said)


@cache
def texts(language: str) -> Texts:
    """Return the texts of a language, read once."""
    return Texts(language)


def sentence(problem: Problem, language: str = "en") -> str:
    """Return what a person reads of a problem in their language."""
    return texts(nearest(language)).sentence(problem)


def saying(language: str) -> Callable[[Problem], str]:
    """Return `sentence` in a language."""
    return lambda problem: sentence(problem, language)


def nearest(language: str) -> str:
    """Return the language of ours that is nearest to a tag such as `ru-RU` or `de`."""
    tag = language.lower().replace("_", "-").partition("-")[0]
    return tag if tag in LANGUAGES else LANGUAGES[0]


def _sayable(value: Any) -> Any:
    return str(value) if isinstance(value, int) and abs(value) > _LARGEST else value


def _sources(language: str) -> list[str]:
    folder = files(__package__) / language
    return [file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".ftl")]
