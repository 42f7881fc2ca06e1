"""How long the Würstchen painter takes to load and to paint, against diffusers' stock pipelines in the same run.

python -m bench.painter [--source NAME-OR-FOLDER] [--threads N] [--times 7]
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bench.figures import figure
from prompt2pic.core.ports import PaintOrder
from prompt2pic.painters.wuerstchen import WuerstchenPainter
from prompt2pic.painters.wuerstchen_files import Folders, find_checkpoint
from prompt2pic.painters.wuerstchen_levels import family_of
from tests.stock_wuerstchen import stock_stages

if TYPE_CHECKING:
    from prompt2pic.painters.wuerstchen_checkpoint import Checkpoint

PROMPT = "красный кот на синем фоне"
STOCK = (60, 12)  # steps of prior and decoder that the stock pipelines take when nobody says otherwise
GOALS = {"fast": 0.4, "best": 1.5}  # seconds, with the built-in model on two cores
LOADING = """
import sys, time
marks = {}
from prompt2pic.painters.wuerstchen import WuerstchenPainter
marks["start"] = time.perf_counter()
painter = WuerstchenPainter(sys.argv[1])
painter.load(lambda fraction, what: marks.setdefault(what, time.perf_counter()))
print(marks["prior"] - marks["libraries"], marks["ready"] - marks["prior"])
"""


def main() -> None:
    """Print seconds of imports, loading and each level, with the ratio to the stock pipelines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--times", type=int, default=7)
    asked = parser.parse_args()
    imports, loading = load_times(asked.source)
    figure("loading the built-in model", loading, "s", beside=f"its imports: {imports:.1f} s")
    painter = WuerstchenPainter(asked.source, threads=asked.threads)
    print(painter.load(lambda fraction, what: None).name, f"on {threads_used()} threads")
    print_levels(painter, asked.times)


def load_times(source: str) -> tuple[float, float]:
    """Return the seconds of the imports and of the rest of the loading."""
    runs = [
        subprocess.run([sys.executable, "-c", LOADING, source], check=True, capture_output=True, text=True)
        for _ in range(3)
    ]
    both = [tuple(map(float, run.stdout.split())) for run in runs]
    return statistics.median(one for one, _ in both), statistics.median(other for _, other in both)


def threads_used() -> int:
    """Return how many threads torch computes with."""
    import torch

    return torch.get_num_threads()


def print_levels(painter: WuerstchenPainter, times: int) -> None:
    """Print the seconds of each level, what the painter reckoned, and the stock pipelines' seconds."""
    loaded = painter._expect_loaded()
    reckoned = painter.estimate()
    stock = stock_pipelines(stock_model(find_checkpoint(painter._source)))
    width, height = loaded.family.sizes[0]
    order = {"prompt": PROMPT, "width": width, "height": height}
    for recipe in family_of(loaded.model.resolution_multiple).recipes:
        asked = PaintOrder(level=recipe.name, **order)
        steps = (recipe.prior_steps, recipe.decoder_steps)
        ours, theirs = alternate(
            times,
            lambda asked=asked: list(painter.paint(asked, lambda step: None)),
            lambda steps=steps: stock(PROMPT, width, height, *steps),
        )
        told = f"{width} x {height}, {recipe.prior_steps}+{recipe.decoder_steps} steps"
        beside = f"the stock pipeline at as many: {theirs:.2f} s; reckoned {reckoned[recipe.name]:.2f} s"
        figure(
            f"a picture at `{recipe.name}` ({told})", ours, "s", limit=GOALS.get(recipe.name), beside=beside
        )
    [default] = alternate(1, lambda: stock(PROMPT, width, height, *STOCK))
    figure(f"the stock pipeline at its defaults ({STOCK[0]}+{STOCK[1]} steps)", default, "s")


def alternate(times: int, *actions: Callable[[], object]) -> list[float]:
    """Return the median seconds of each action, run in turn so that what disturbs one disturbs all."""
    seconds: list[list[float]] = [[] for _ in actions]
    for _ in range(times):
        for action, taken in zip(actions, seconds, strict=True):
            begun = time.perf_counter()
            action()
            taken.append(time.perf_counter() - begun)
    return [statistics.median(taken) for taken in seconds]


def stock_model(folders: Folders) -> "Checkpoint":
    """Return a checkpoint in fp32 as diffusers and transformers load it."""
    import torch

    from prompt2pic.painters.modules import load_module
    from prompt2pic.painters.wuerstchen_checkpoint import load_checkpoint
    from prompt2pic.painters.wuerstchen_precision import FP32

    with patch("prompt2pic.painters.wuerstchen_checkpoint.load_leanly", load_module):
        return load_checkpoint(folders, torch.device("cpu"), FP32, lambda fraction, what: None)


def stock_pipelines(model: Any) -> Callable[..., object]:
    """Return a function that paints with the stock pipelines, made of the painter's modules."""
    prior, decoder = stock_stages(model)

    def paint(
        prompt: str,
        width: int,
        height: int,
        prior_steps: int,
        decoder_steps: int,
        step: Callable[[], None] = lambda: None,
    ) -> object:
        told = {"callback_on_step_end": lambda *_: step() or {}}
        embeddings = prior(prompt, height, width, prior_steps, guidance_scale=4.0, **told).image_embeddings
        return decoder(embeddings, prompt, decoder_steps, **told).images[0]

    return paint


if __name__ == "__main__":
    main()
