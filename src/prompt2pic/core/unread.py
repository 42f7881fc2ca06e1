"""What is told of a prompt that is longer than the model reads."""

import re
from collections.abc import Iterator
from typing import Protocol

_WORD = re.compile(r"\S+")


class _Words(Protocol):
    """A request or an order."""

    @property
    def prompt(self) -> str: ...

    @property
    def negative(self) -> str: ...


def unread(asked: _Words, read: float, negative_read: float) -> Iterator[tuple[str, int]]:
    """Yield what is said of prompt and negative prompt that were not read to their end: a sentence, and words read."""
    for key, text, share in (
        ("prompt-cut", asked.prompt, read),
        ("negative-cut", asked.negative, negative_read),
    ):
        words = words_read(text, share)
        if words is not None:
            yield key, words


def words_read(prompt: str, read: float) -> int | None:
    """Return how many words of a prompt were read whole where only a share `read` was; None where all was."""
    if read >= 1:
        return None
    end = round(read * len(prompt.rstrip()))
    return sum(word.end() <= end for word in _WORD.finditer(prompt))
