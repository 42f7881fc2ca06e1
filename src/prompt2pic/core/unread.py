"""What is told of a prompt that is longer than the model reads."""

import re

_WORD = re.compile(r"\S+")


def words_read(prompt: str, read: float) -> int | None:
    """Return how many words of a prompt were read whole where only a share `read` was; None where all was."""
    if read >= 1:
        return None
    end = round(read * len(prompt.rstrip()))
    return sum(word.end() <= end for word in _WORD.finditer(prompt))
