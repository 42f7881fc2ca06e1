"""The objects of the pictures: their shapes and what people call them."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import tables
from training.wording import LANGUAGES, synonyms

Given = dict[str, dict[str, list[str]]]  # names by object and language


@dataclass(frozen=True, kw_only=True)
class Names:
    """What an object is called: common names, the first one the commonest, and rarer words for it alone."""

    common: list[str]
    rare: list[str]


@dataclass(frozen=True, kw_only=True)
class Object:
    """One object: RGBA bytes and its names by language."""

    label: str
    shape: np.ndarray
    names: dict[str, Names]
    everyday: bool


def unlike(names: list[str], taken: set[str]) -> list[str]:
    """The names that belong to no other object."""
    return [name for name in names if name and name.lower() not in taken]


def names_of(further: dict[str, list[str]]) -> set[str]:
    """All names in a table of synonyms."""
    return {name.lower() for names in further.values() for name in names}


def load(work: Path) -> list[Object]:
    """The objects of `training.prepare`."""
    described = json.loads((work / "objects.json").read_text(encoding="utf-8"))
    shapes = np.load(work / "objects.npy")
    given = {
        row["object"]: {language: row[language].split("|") for language in LANGUAGES}
        for row in tables.rows("names")
    }
    everyday = set(tables.lines("everyday"))
    names = {language: named(described, given, language) for language in LANGUAGES}
    return [
        Object(
            label=entry["label"],
            shape=shapes[number],
            names={language: names[language][number] for language in LANGUAGES},
            everyday=entry["label"] in everyday,
        )
        for number, entry in enumerate(described)
    ]


def named(described: list[dict[str, Any]], given: Given, language: str) -> list[Names]:
    """The names of all objects in a language: the table's, the label, and tags that no other object has."""
    label, tags = ("label", "tags") if language == "english" else ("russian", "russian_tags")
    kept, more = names_of(synonyms(language, held=True)), synonyms(language, held=False)
    taken = {name for entry in given.values() for name in entry[language]} | names_of(more) | kept
    times = Counter(tag for entry in described for tag in {tag.lower() for tag in entry[tags]})
    found = []
    for entry in described:
        own = given.get(entry["label"], {}).get(language, []) + unlike([entry[label].lower()], taken)
        own = [name for name in own if name not in kept] + more.get(entry["label"], [])
        alone = [tag for tag in unlike(entry[tags], taken) if times[tag.lower()] == 1]
        found.append(Names(common=own or [entry[label] or entry["label"]], rare=alone))
    return found
