"""The word tables beside this module."""

import csv
from pathlib import Path

FOLDER = Path(__file__).parent / "words"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a tab-separated table, by its first line's names."""
    with (FOLDER / f"{name}.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def lines(name: str) -> list[str]:
    """The lines of a plain list."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
