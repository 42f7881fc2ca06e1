"""Captions of the catalogue's pictures in two languages."""

import functools
import random
import re

from training import colours, tables
from training.catalogue import WHITE, Entry
from training.objects import Object
from training.russian import BREAK, VERBS, asked, coloured, declined, inflected
from training.wording import chosen, synonyms

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
PLACES = tuple(
    {row["text"].split("{")[0] for row in tables.rows("relations") if not row["text"].startswith("{")}
)
# Of a Russian adjective the first four letters stay in every gender.
COLOURED = {
    "english": re.compile(rf"\b({'|'.join(colours.COLOURS)})\b"),
    "russian": re.compile(rf"\b({'|'.join(colour[:4] for colour in colours.RUSSIAN.values())})\w*\b"),
}
SIDE_BY_SIDE = ["{0} and {1}", "{0} and a {1}", "{0} next to {1}", "{0} with {1}", "{0}, {1}"]
ABOVE = ["{0} above {1}", "{0} over {1}", "{0} above a {1}"]


def caption(entry: Entry, objects: list[Object], language: str) -> str:
    """One way to ask for the picture, in lower case, `ё` and `е` mixed as people do."""
    text = worded(entry, objects, language).lower()
    # "big lion": a template and a name can make one that is held out.
    while kept_names(language).search(text.replace("ё", "е")):
        text = worded(entry, objects, language).lower()
    return text.replace("ё", "е") if random.random() < 0.5 else text


@functools.cache
def kept_names(language: str) -> re.Pattern[str]:
    """Where a text, `ё` written `е`, holds a name that training never says, in any case or number."""
    kept = {name for names in synonyms(language, held=True).values() for name in names}
    names = {form.lower().replace("ё", "е") for name in kept for form in forms(name, language)}
    return re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")


def forms(phrase: str, language: str) -> list[str]:
    """A phrase as templates may turn it."""
    if language == "english":
        return [phrase, plural(phrase)]
    return [declined(phrase, case) for case in ("nomn", "gent", "datv", "accs", "ablt", "loct")]


def worded(entry: Entry, objects: list[Object], language: str) -> str:
    """One way to ask for the picture, be it in words that are held out."""
    if entry.kind != "scene" and random.random() < 0.5:
        return framed(entry, objects, language)
    text = random.choice(OPENINGS[language]) + body(entry, objects, language) + extra(entry, language)
    return asked(text) if random.random() < 0.7 else text


def framed(entry: Entry, objects: list[Object], language: str) -> str:
    """The picture's words in one of the training's templates, its first phrase in the template's case."""
    row = random.choice(chosen("templates", language, held=False))
    words = content(entry, objects, language)
    phrase, rest = split(words)
    # A relation may begin with its place ("слева кот, справа пёс"): that is no phrase to be put into a case.
    text = words if words.startswith(PLACES) else filled(row, phrase, language) + rest
    return text + on_ground(entry.ground, language)


def split(phrase: str) -> tuple[str, str]:
    """A phrase and what is said after its first object."""
    first, *rest = BREAK.split(phrase, maxsplit=1)
    return first, "".join(rest)


def filled(row: dict[str, str], phrase: str, language: str) -> str:
    """A template with its phrase, which takes its case or its article."""
    if language == "russian":
        return row["text"].format(declined(phrase, row["case"]))
    if row["case"] == "plur":
        return row["text"].format(plural(phrase))
    return row["text"].format(random.choice(["", "", "a ", "the "]) + phrase)


def plural(phrase: str) -> str:
    """An English phrase for more than one."""
    if phrase.endswith(("s", "x", "z", "ch", "sh")):
        return phrase if phrase.endswith("s") else phrase + "es"
    return phrase[:-1] + "ies" if re.search("[^aeiou]y$", phrase) else phrase + "s"


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
    if random.random() < 0.5:
        return related(random.choice(relations(entry.kind, language, held=False)), *both, language)
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
    phrase = random.choice(uncoloured(thing.names[language].common, language))
    text = (coloured(colours.RUSSIAN[tint], phrase) if language == "russian" else tint) + " " + phrase
    if not kept_names(language).search(text.lower().replace("ё", "е")):
        return text
    hue = inflected(colours.RUSSIAN[tint], "gent")  # "red fox" is held out: other words for the same
    return f"{phrase} {hue} цвета" if language == "russian" else f"{phrase} in {tint}"


def uncoloured(names: list[str], language: str) -> list[str]:
    """The names without a colour of their own, which would contradict another one; else the first, stripped."""
    kept = [name for name in names if not COLOURED[language].search(name)]
    return kept or [COLOURED[language].sub("", names[0]).strip()]


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
    if random.random() < 0.4:
        return grounded(random.choice(chosen("grounds", language, held=False)), ground, language)
    if language == "russian":
        return f" на {inflected(colours.RUSSIAN[ground], 'loct')} фоне"
    forms = [
        f" on a {ground} background",
        f" on {ground} background",
        f" on {ground}",
        f", {ground} background",
    ]
    return random.choice(forms)


def grounded(row: dict[str, str], ground: str, language: str) -> str:
    """A ground in a given wording: {0} its colour, in Russian `на синем`; {1} `синий`, {2} `синим`."""
    forms = [ground]
    if language == "russian":
        colour = colours.RUSSIAN[ground]
        forms = [inflected(colour, "loct"), colour, inflected(colour, "ablt")]
    text = row["text"].format(*forms)
    return text if text.startswith(",") else " " + text


def related(row: dict[str, str], first: str, second: str, language: str) -> str:
    """Two objects in a given wording: `order` 21 names the right or the lower one first."""
    names = [first, second] if row["order"] == "12" else [second, first]
    if language == "russian":
        names[1] = declined(names[1], row["case"])
    return row["text"].format(*names)


def relations(kind: str, language: str, *, held: bool) -> list[dict[str, str]]:
    """The wordings of a kind of pair."""
    return [row for row in chosen("relations", language, held=held) if row["kind"] == kind]


def extra(entry: Entry, language: str) -> str:
    """Now and then words that ask for quality and change nothing."""
    return (
        random.choice(EXTRAS[language]) if random.random() < (0.15 if entry.kind == "scene" else 0.04) else ""
    )
