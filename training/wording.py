"""Which wording is trained on, and which is kept for the report: templates, grounds, relations, synonyms."""

import hashlib

from training import tables

Row = dict[str, str]

LANGUAGES = ("english", "russian")


def held_out(text: str) -> bool:
    """Whether a wording is never trained on: the first byte of its SHA-256 is divisible by four."""
    return hashlib.sha256(text.encode()).digest()[0] % 4 == 0


def chosen(table: str, language: str, *, held: bool) -> list[Row]:
    """The rows of a table of wordings in a language, of the report's part (`held`) or of the training's."""
    return [
        row for row in tables.rows(table) if row["language"] == language and held_out(row["text"]) == held
    ]


def synonyms(language: str, *, held: bool) -> dict[str, list[str]]:
    """Further names by object, of the report's part (`held`) or of the training's."""
    return {
        row["object"]: [name for name in row[language].split("|") if name and held_out(name) == held]
        for row in tables.rows("synonyms")
    }
