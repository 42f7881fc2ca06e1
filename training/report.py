"""Ask a model for pictures in wording that training never saw, and count what the independent judge sees."""

import argparse
import io
import math
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from msgspec import structs
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from prompt2pic.core.ports import PaintOrder
from prompt2pic.painters.wuerstchen import WuerstchenPainter
from prompt2pic.painters.wuerstchen_levels import SamplerName
from training.classifier import SIDE, accuracy, groups, shapes, trained
from training.colours import COLOURS
from training.objects import load
from training.options import parser, seed
from training.pictures import GROUNDS
from training.pictures import SIDE as WHOLE
from training.trials import Trial, trials
from training.wording import LANGUAGES

CORNER = WHOLE // 16  # pixels a side of the corners that tell the ground
HALF = WHOLE // 2  # pixels a side of what is looked at for one of two objects
GOALS = {"object": 90, "ground": 95, "both of a pair": 80, "side in place": 80, "over in place": 80}  # %

Counts = Counter[tuple[str, str, bool]]  # what, language, whether it was right


class Judge:
    """Tells which object is seen, near-duplicates taken for one."""

    def __init__(self, network: nn.Module, group: Tensor) -> None:
        self._network, self._group = network, group

    @torch.no_grad()
    def sees(self, picture: Tensor) -> int:
        """The group of the object in a picture, 3 x H x W, 0 to 1."""
        small = functional.interpolate(picture[None], size=(SIDE, SIDE), mode="area")
        return int(self._group[self._network(small).argmax()])

    def wanted(self, number: int) -> int:
        """The group of an object."""
        return int(self._group[number])


def halves(picture: Tensor, kind: str) -> list[Tensor]:
    """The squares in which the two objects of a pair belong: left and right, or upper and lower."""
    first, middle = slice(0, HALF), slice(HALF // 2, HALF // 2 + HALF)
    second = slice(picture.shape[-1] - HALF, None)
    if kind == "side":
        return [picture[:, middle, part] for part in (first, second)]
    return [picture[:, part, middle] for part in (first, second)]


def ground_of(picture: Tensor) -> str:
    """The colour that the four corners are nearest to."""

    def corners(image: Tensor) -> Tensor:
        ends = (slice(0, CORNER), slice(-CORNER, None))
        return torch.stack([image[:, rows, columns].mean((1, 2)) for rows in ends for columns in ends])

    known = {name: torch.tensor(ground).permute(2, 0, 1) / 255 for name, ground in GROUNDS.items()}
    seen = corners(picture).median(0).values
    return min(COLOURS, key=lambda name: float((corners(known[name]).mean(0) - seen).norm()))


def judged(trial: Trial, picture: Tensor, judge: Judge) -> dict[str, bool]:
    """What is right about a picture, by the name of the figure."""
    wanted = [judge.wanted(number) for number in trial.objects]
    if trial.kind == "one":
        right = judge.sees(picture) == wanted[0]
        if trial.what == "ground":
            return {"ground": ground_of(picture) == trial.ground, "object on a ground": right}
        return {trial.what: right}
    seen = [judge.sees(half) for half in halves(picture, trial.kind)]
    return {"both of a pair": sorted(seen) == sorted(wanted), f"{trial.kind} in place": seen == wanted}


def painted(painter: WuerstchenPainter, prompt: str, level: str, number: int) -> Tensor:
    """The picture of a prompt, 3 x 256 x 256, 0 to 1."""
    order = PaintOrder(prompt=prompt, width=WHOLE, height=WHOLE, level=level, seed=number)
    [done] = painter.paint(order, lambda step: None)
    return torch.from_numpy(np.array(Image.open(io.BytesIO(done.png)).convert("RGB"))).permute(2, 0, 1) / 255


def interval(right: int, count: int) -> float:
    """Half the width of the 95 % interval of a share, in percent (Wald)."""
    share = right / count
    return 196 * math.sqrt(share * (1 - share) / count)


def share(counts: Counts, what: str, language: str) -> tuple[int, int]:
    """How many of a language's pictures are right, and how many there are."""
    right, wrong = counts[what, language, True], counts[what, language, False]
    return right, right + wrong


def table(counts: Counts) -> Iterable[str]:
    """The figures as rows of a table: both languages, English, Russian, goal."""
    yield "| what | right | of | English | Russian | goal |\n| --- | --- | --- | --- | --- | --- |"
    for what in dict.fromkeys(name for name, _, _ in counts):
        shares = [share(counts, what, language) for language in LANGUAGES]
        right, count = (sum(numbers) for numbers in zip(*shares, strict=True))
        each = " | ".join(f"{100 * good / of:.1f} % of {of}" for good, of in shares)
        goal = f"{GOALS[what]} %" if what in GOALS else ""
        wide = interval(right, count)
        yield f"| {what} | {100 * right / count:.1f} % ± {wide:.1f} | {count} | {each} | {goal} |"


def options() -> argparse.Namespace:
    """What the command is told."""
    asked = parser(__doc__)
    asked.add_argument("--model", default="", help="folder of prior and decoder; the built-in model if empty")
    asked.add_argument("--level", default="best")
    asked.add_argument("--sampler", choices=get_args(SamplerName), default="ddim", help="with --steps")
    asked.add_argument("--steps", type=int, nargs=2, help="of prior and decoder, in place of the level's")
    asked.add_argument("--every", type=int, default=1, help="ask only every n-th prompt, for a trial")
    asked.add_argument("--everything", action="store_true", help="the rarer objects, too")
    asked.add_argument("--misses", type=Path, help="file for the prompts whose picture was wrong")
    return asked.parse_args()


def in_steps(painter: WuerstchenPainter, level: str, steps: list[int], sampler: SamplerName) -> None:
    """Have the loaded painter paint a level in other steps, by another sampler."""
    loaded = painter._expect_loaded()
    [known] = [recipe for recipe in loaded.family.recipes if recipe.name == level]
    recipe = structs.replace(known, prior_steps=steps[0], decoder_steps=steps[1], sampler=sampler)
    painter._loaded = loaded._replace(family=structs.replace(loaded.family, recipes=(recipe,)))


def main() -> None:
    """Print the table."""
    asked = options()
    seed(asked)
    objects = load(asked.work)
    shape = shapes(objects)
    group = groups(shape)
    network = trained(asked.work, len(objects))
    told = 100 * accuracy(network, shape, group)
    judge, painter = Judge(network, group), WuerstchenPainter(asked.model)
    painter.load(lambda fraction, what: None)
    if asked.steps:
        in_steps(painter, asked.level, asked.steps, asked.sampler)
    random.seed(asked.seed)
    counts, misses = Counts(), []
    asks = list(trials(objects, everything=asked.everything))[:: asked.every]
    for number, trial in enumerate(tqdm(asks, desc="report")):
        picture = painted(painter, trial.prompt, asked.level, asked.seed + number)
        for what, right in judged(trial, picture, judge).items():
            counts[what, trial.language, right] += 1
            misses += [] if right else [f"{what}\t{trial.language}\t{trial.prompt}"]
    print(f"The judge tells {told:.1f} % of fresh renders, {len(group.unique())} objects apart.")
    print(*table(counts), sep="\n")
    if asked.misses:
        asked.misses.write_text("\n".join(misses), encoding="utf-8")


if __name__ == "__main__":
    main()
