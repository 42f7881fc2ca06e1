"""The catalogue: every training picture, and how often it is drawn."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training import tables
from training.colours import COLOURS
from training.objects import Object
from training.pictures import GROUNDS, paste, recoloured

WHITE = "white"
SHARES = {"scene": 0.05, "one": 0.45, "tint": 0.15, "pair": 0.35}
PAIRS = 10_000
FULL = 0.88  # size of a single object
HALF = 0.48  # size of one of two
FRAMED = 1.2  # size from which a square picture fills the frame


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One picture: kind, objects (by number), ground, colour of a recoloured object, and its weight."""

    kind: str
    first: int
    second: int = -1
    ground: str = WHITE
    tint: str = ""
    scale: float = FULL
    weight: float


def catalogue(objects: list[Object]) -> list[Entry]:
    """All pictures of the objects; seeded by the caller."""
    numbers = {entry.label: number for number, entry in enumerate(objects)}
    return [*scenes(numbers), *singles(objects), *tints(numbers), *pairs(objects)]


def scenes(numbers: dict[str, int]) -> Iterator[Entry]:
    """Landscapes that fill the frame."""
    rows = tables.rows("scenes")
    total = sum(float(row["share"]) for row in rows)
    for row in rows:
        weight = SHARES["scene"] * float(row["share"]) / total
        first, scale = numbers[row["object"]], float(row["scale"])
        yield Entry(kind="scene", first=first, ground=row["ground"], scale=scale, weight=weight)


def singles(objects: list[Object]) -> Iterator[Entry]:
    """Every object on every ground, everyday ones and white more often, but no framed landscape."""
    framed = {row["object"] for row in tables.rows("scenes") if float(row["scale"]) >= FRAMED}
    shown = [(number, entry) for number, entry in enumerate(objects) if entry.label not in framed]
    total = sum(3 if entry.everyday else 1 for _, entry in shown)
    for number, entry in shown:
        share = SHARES["one"] * (3 if entry.everyday else 1) / total
        for name in COLOURS:
            yield Entry(
                kind="one", first=number, ground=name, weight=share * (0.45 if name == WHITE else 0.05)
            )


def tints(numbers: dict[str, int]) -> Iterator[Entry]:
    """Recoloured objects, on white and on three other grounds."""
    chosen = [numbers[label] for label in tables.lines("tinted")]
    share = SHARES["tint"] / (len(chosen) * len(COLOURS))
    for number in chosen:
        for tint in COLOURS:
            others = random.sample([name for name in COLOURS if name not in (WHITE, tint)], 3)
            for name in [WHITE, *others]:
                if name != tint:
                    weight = share * (0.45 if name == WHITE else 0.18)
                    yield Entry(kind="tint", first=number, ground=name, tint=tint, weight=weight)


def pairs(objects: list[Object]) -> Iterator[Entry]:
    """Two everyday objects side by side or one above the other."""
    everyday = [number for number, entry in enumerate(objects) if entry.everyday]
    for _ in range(PAIRS):
        first, second = random.sample(everyday, 2)
        name = WHITE if random.random() < 0.5 else random.choice(list(COLOURS))
        kind = random.choice(["side", "side", "over"])
        yield Entry(kind=kind, first=first, second=second, ground=name, weight=SHARES["pair"] / PAIRS)


def drawn(entry: Entry, objects: list[Object]) -> np.ndarray:
    """The picture of an entry: 128x128 RGB, 0 to 255."""
    picture = GROUNDS[entry.ground].copy()
    shape = objects[entry.first].shape
    if entry.tint:
        shape = recoloured(shape, COLOURS[entry.tint])
    if entry.second < 0:
        paste(picture, shape, entry.scale, 0.5, 0.5)
        return picture
    places = [(0.26, 0.5), (0.74, 0.5)] if entry.kind == "side" else [(0.5, 0.26), (0.5, 0.74)]
    for place, one in zip(places, (shape, objects[entry.second].shape), strict=True):
        paste(picture, one, HALF, *place)
    return picture
