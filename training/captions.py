"""Captions of the catalogue's pictures in two languages."""

import random

from training import colours, tables
from training.catalogue import WHITE, Entry
from training.objects import Object
from training.russian import VERBS, asked, coloured, inflected

OPENINGS = {
    "english": [
        *([""] * 7),
        *("a ", "a ", "the ", "a small ", "cute "),
        *("a picture of ", "a picture of a ", "an image of ", "draw ", "draw a "),
    ],
    "russian": [*([""] * 11), *VERBS, "нарисуй ", "картинка: ", "изображение, ", "рисунок: "],
}
EXTRAS = {
    "english": [", high resolution", ", many details", ", beautiful"],
    "russian": [", высокое разрешение", ", много деталей", ", красиво"],
}
SCENES = {row["object"]: row for row in tables.rows("scenes")}
SIDE_BY_SIDE = ["{0} and {1}", "{0} and a {1}", "{0} next to {1}", "{0} with {1}", "{0}, {1}"]
ABOVE = ["{0} above {1}", "{0} over {1}", "{0} above a {1}"]


def caption(entry: Entry, objects: list[Object], language: str) -> str:
    """One way to ask for the picture, in lower case, `ё` and `е` mixed as people do."""
    text = random.choice(OPENINGS[language]) + body(entry, objects, language) + extra(entry, language)
    text = asked(text).lower() if random.random() < 0.7 else text.lower()
    return text.replace("ё", "е") if random.random() < 0.5 else text


def body(entry: Entry, objects: list[Object], language: str) -> str:
    """The words for what is seen."""
    if entry.kind == "scene":
        words = SCENES[objects[entry.first].label][language].split("|")
        return random.choice(words) if random.random() < 0.6 else words[0]
    return content(entry, objects, language) + on_ground(entry.ground, language)


def content(entry: Entry, objects: list[Object], language: str) -> str:
    """The words for the objects."""
    first = objects[entry.first]
    if entry.kind == "one":
        return name(first, language)
    if entry.kind == "tint":
        return tinted(entry.tint, first, language)
    both = first.names[language].common[0], objects[entry.second].names[language].common[0]
    return russian_pair(entry.kind, *both) if language == "russian" else english_pair(entry.kind, *both)


def name(thing: Object, language: str) -> str:
    """A name of the object, mostly the commonest."""
    names, chance = thing.names[language], random.random()
    if names.rare and chance < 0.12:
        return random.choice(names.rare)
    if names.rare and chance < 0.2:
        return random.choice(names.common) + random.choice([", ", " "]) + random.choice(names.rare)
    return names.common[0] if chance < 0.55 else random.choice(names.common)


def tinted(tint: str, thing: Object, language: str) -> str:
    """A recoloured object with its colour."""
    phrase = random.choice(thing.names[language].common).replace("красное ", "").replace("red ", "")
    return (coloured(colours.RUSSIAN[tint], phrase) if language == "russian" else tint) + " " + phrase


def english_pair(kind: str, first: str, second: str) -> str:
    """Two objects in English."""
    return random.choice(SIDE_BY_SIDE if kind == "side" else ABOVE).format(first, second)


def russian_pair(kind: str, first: str, second: str) -> str:
    """Two objects in Russian."""
    with_second = inflected(second, "ablt")
    if kind == "over":
        return f"{first} над {with_second}"
    forms = [
        f"{first} и {second}",
        f"{first} рядом с {with_second}",
        f"{first} с {with_second}",
        f"{first}, {second}",
    ]
    return random.choice(forms)


def on_ground(ground: str, language: str) -> str:
    """The words for the ground; a white one is seldom mentioned."""
    if ground == WHITE and random.random() > 0.12:
        return ""
    if language == "russian":
        return f" на {inflected(colours.RUSSIAN[ground], 'loct')} фоне"
    forms = [
        f" on a {ground} background",
        f" on {ground} background",
        f" on {ground}",
        f", {ground} background",
    ]
    return random.choice(forms)


def extra(entry: Entry, language: str) -> str:
    """Now and then words that ask for quality and change nothing."""
    return (
        random.choice(EXTRAS[language]) if random.random() < (0.15 if entry.kind == "scene" else 0.04) else ""
    )
