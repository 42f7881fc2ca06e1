"""The catalogue: what training shows, and how often."""

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
FULL = 0.88  # size of a single object
HALF = 0.48  # size of one of two
FRAMED = 1.2  # size from which a square picture fills the frame
MIDDLE = (0.5, 0.5)  # of the width and of the height
PLACES = {"left": (0.26, 0.5), "right": (0.74, 0.5), "upper": (0.5, 0.26), "lower": (0.5, 0.74)}
HALVES = {"side": ("left", "right"), "over": ("upper", "lower")}  # the places of a kind of pair


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One picture: kind, objects (by number), ground, colour of a recoloured object, and its weight."""

    kind: str
    first: int
    second: int = -1
    ground: str = WHITE
    tint: str = ""
    scale: float = FULL
    weight: float = 0.0


def catalogue(objects: list[Object]) -> list[Entry]:
    """All pictures of the objects but the pairs, with a weight; seeded by the caller."""
    numbers = {entry.label: number for number, entry in enumerate(objects)}
    return [*scenes(numbers), *singles(objects), *tints(numbers)]


def sample(entries: list[Entry], objects: list[Object], count: int) -> list[Entry]:
    """So many entries as training draws them: of the catalogue by weight, and pairs that are made up each time."""
    chosen = random.choices(entries, [entry.weight for entry in entries], k=count)
    both = everyday(objects)
    return [pair(both) if random.random() < SHARES["pair"] else entry for entry in chosen]


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


def everyday(objects: list[Object]) -> list[int]:
    """The numbers of the everyday objects."""
    return [number for number, entry in enumerate(objects) if entry.everyday]


def pair(numbers: list[int]) -> Entry:
    """Two objects side by side or one above the other."""
    first, second = random.sample(numbers, 2)
    name = WHITE if random.random() < 0.5 else random.choice(list(COLOURS))
    return Entry(kind=random.choice(list(HALVES)), first=first, second=second, ground=name)


def halves(objects: list[Object]) -> Iterator[Entry]:
    """What pairs are put together from: each everyday object in each place on each ground."""
    for number in everyday(objects):
        for ground in COLOURS:
            for place in PLACES:
                yield Entry(kind=place, first=number, ground=ground, scale=HALF)


def halved(entry: Entry) -> list[Entry]:
    """The halves of a pair, the left or upper one first; of another entry itself."""
    if entry.kind not in HALVES:
        return [entry]
    return [
        Entry(kind=place, first=number, ground=entry.ground, scale=HALF)
        for place, number in zip(HALVES[entry.kind], (entry.first, entry.second), strict=True)
    ]


def drawn(entry: Entry, objects: list[Object]) -> np.ndarray:
    """The picture of an entry: 256x256 RGB, 0 to 255."""
    picture = GROUNDS[entry.ground].copy()
    for part in halved(entry):
        shape = objects[part.first].shape
        if part.tint:
            shape = recoloured(shape, COLOURS[part.tint])
        paste(picture, shape, part.scale, *PLACES.get(part.kind, MIDDLE))
    return picture
