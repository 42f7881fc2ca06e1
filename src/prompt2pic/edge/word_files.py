"""The lists of words that ship, and those that an owner puts in their place."""

from importlib.resources import files
from pathlib import Path

from prompt2pic.core.errors import Problem
from prompt2pic.core.words import WordList, WordLists


def word_lists(blocked: Path | None, spoiler: Path | None) -> WordLists:
    """Return the lists of two files, ours where there is none. Raises Problem where one can not be read."""
    return WordLists(_list(blocked, "blocked.txt"), _list(spoiler, "spoiler.txt"))


def _list(file: Path | None, ours: str) -> WordList:
    if file is None:
        return WordList((files(__package__) / "words" / ours).read_text("utf-8").splitlines())
    try:
        return WordList(file.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("words-unreadable", file=str(file), why=str(error)) from None
