"""Russian agreement: cases of a phrase, gender of a colour."""

import functools
import re
from typing import Any

import pymorphy3

VERBS = ("нарисуй мне ", "нарисуй ", "покажи ", "хочу ")  # each with its object in the accusative
BREAK = re.compile(r"( на | рядом | над | с |, )")

Parse = Any  # pymorphy3 comes without types


@functools.cache
def analyser() -> Any:
    """The dictionary, loaded once."""
    return pymorphy3.MorphAnalyzer()


def parses(word: str, part: str) -> list[Parse]:
    """The readings of a word as a part of speech in the nominative."""
    return [found for found in analyser().parse(word) if {part, "nomn"} in found.tag]


def turned(parse: Parse, grammemes: set[str], word: str) -> str:
    """The word inflected, or as it was where the dictionary has no such form."""
    form = parse.inflect(grammemes)
    return form.word if form else word


@functools.cache
def inflected(phrase: str, case: str) -> str:
    """A phrase in a case of pymorphy3 (`ablt`, `loct`): its first noun and what stands before that."""
    words = phrase.split()
    last = head(words)
    for place, word in enumerate(words if last is None else words[: last + 1]):
        found = parses(word, "NOUN" if place == last else "ADJF") or parses(word, "NOUN")
        if found:
            number = {found[0].tag.number} - {None}
            words[place] = turned(found[0], {case} | number, word)
    return " ".join(words)


@functools.cache
def coloured(colour: str, phrase: str) -> str:
    """The colour (a masculine adjective) in agreement with the first noun of the phrase."""
    nouns = [found for word in phrase.split() for found in parses(word, "NOUN")[:1]]
    if not nouns:
        return colour
    tag = nouns[0].tag
    form = {"plur"} if tag.number == "plur" else {tag.gender or "masc"}
    return turned(parses(colour, "ADJF")[0], {"nomn"} | form, colour)


def head(words: list[str]) -> int | None:
    """The place of the first noun that is no adjective."""
    for place, word in enumerate(words):
        if parses(word, "NOUN") and analyser().parse(word)[0].tag.POS != "ADJF":
            return place
    return None


@functools.cache
def accusative(phrase: str) -> str:
    """A phrase as the object of a verb."""
    words = phrase.split()
    place = head(words)
    if place is None:
        return phrase
    noun = parses(words[place], "NOUN")[0]
    alive = noun.tag.animacy == "anim" and (noun.tag.gender == "masc" or noun.tag.number == "plur")
    for number, word in enumerate(words[:place]):
        for adjective in parses(word, "ADJF")[:1]:
            if alive or noun.tag.gender == "femn":
                words[number] = turned(adjective, {"gent" if alive else "accs"}, word)
    words[place] = turned(noun, {"accs"}, words[place])
    return " ".join(words)


def declined(phrase: str, case: str) -> str:
    """A phrase in a case of a template: `nomn`, `gent`, `datv`, `accs`, `ablt`, `loct`."""
    if case == "nomn":
        return phrase
    return accusative(phrase) if case == "accs" else inflected(phrase, case)


def asked(caption: str) -> str:
    """A caption that begins with a verb, its object put into the accusative."""
    for verb in VERBS:
        if caption.startswith(verb):
            phrase, *rest = BREAK.split(caption.removeprefix(verb), maxsplit=1)
            return verb + accusative(phrase) + "".join(rest)
    return caption
