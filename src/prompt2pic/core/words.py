"""Lists of words by which prompts are refused, or pictures blurred."""

import re
import unicodedata
from collections.abc import Iterable

import msgspec

from prompt2pic.core.asks import Ask
from prompt2pic.core.errors import Refused

_WORD = re.compile(r"\w+")
# Letters that look alike are taken for each other, so that a Latin `o` in a Russian word hides nothing.
_ALIKE = str.maketrans("aceopxykmtbhё013@$", "асеорхукмтвнеоизас")


class WordList:
    """Rules, one a line: words with `|`, of which one must occur, and more of these behind `+`, which must, too.

    `stem*` stands for all words that begin so. Case, `ё` and letters that look alike do not matter; `#` begins a
    remark.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        rules = (line.partition("#")[0].split("+") for line in lines)
        patterns = [tuple(_pattern(part) for part in rule if part.strip()) for rule in rules]
        self._rules = [rule for rule in patterns if rule]

    def matches(self, text: str) -> bool:
        """Whether a rule holds for a text."""
        words = _plain(text)
        return any(all(part.search(words) for part in rule) for rule in self._rules)


class WordLists(msgspec.Struct, frozen=True):
    """What is refused, and what is shown blurred."""

    blocked: WordList
    spoiler: WordList

    def check(self, ask: Ask) -> Ask:
        """Return the ask. Raises Refused where its prompt is blocked."""
        if self.blocked.matches(ask.prompt):
            raise Refused("prompt-blocked", param="prompt")
        return ask


NO_WORDS = WordLists(WordList(()), WordList(()))


def _plain(text: str) -> str:
    """Return the words of a text, divided and surrounded by single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
    return f" {' '.join(_WORD.findall(folded))} "


def _pattern(part: str) -> re.Pattern[str]:
    words = (word.strip() for word in part.split("|") if word.strip())
    return re.compile(
        "|".join(f" {re.escape(_plain(word).strip())}{'' if word.endswith('*') else ' '}" for word in words)
    )
