"""How near few steps of each sampler come to what many steps of the same seed paint, on the built-in model.

python -m bench.samplers [--prompts 8]

The prior is judged by its semantic latents, the decoder by the pixels it makes of the prior's many-step latents.
How far another seed's latents are is measured first: where that is next to nothing, the words alone decide, all
samplers go to one point, and these distances say how fast, not which sampler keeps the variety of a model that has it.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.figures import figure
from prompt2pic.painters.wuerstchen import WuerstchenPainter
from prompt2pic.painters.wuerstchen_flow import Sketch, _Painting
from prompt2pic.painters.wuerstchen_levels import SMALL, Recipe, SamplerName

PROMPTS = Path(__file__).parents[1] / "training" / "words" / "sheet.txt"
PRIOR, DECODER = (4, 8, 12, 24), (4, 6, 10)  # steps
MANY = {"prior": 64, "decoder": 30}
WHOLE, MIDDLE = (1.0, 0.0), (0.8, 0.2)
Painter = Callable[[SamplerName, int, tuple[float, float]], Tensor]


def main() -> None:
    """Print the distances of prior and decoder for each number of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=8)
    prompts = PROMPTS.read_text().splitlines()[: parser.parse_args().prompts]
    painter = WuerstchenPainter()
    painter.load(lambda fraction, what: None)
    model = painter._expect_loaded().model
    print_variety(model, prompts)
    embeddings = print_prior(partial(semantic, model, prompts))
    print_decoder(partial(pictures, model, prompts, embeddings))


def print_variety(model: Any, prompts: list[str]) -> None:
    """Print how far the latents of two seeds are apart, at 24 steps of ddim."""
    one, other = (semantic(model, prompts, "ddim", 24, WHOLE, first) for first in (0, 1000))
    apart = (one - other).square().mean((1, 2, 3)).sqrt() / one.std()
    beside = f"the most of {len(prompts)} prompts: {float(apart.max()):.1%}"
    figure("another seed's distance, 24 steps of the prior", float(apart.median()), "%", beside=beside)


def print_prior(paint: Painter) -> Tensor:
    """Print the prior's distances; return its many-step latents."""
    truth = paint("dpmpp", MANY["prior"], WHOLE)
    for steps in PRIOR:
        made = {name: paint(name, steps, WHOLE) for name in ("ddpm", "ddim", "dpmpp")}
        far = {name: distance(each, truth) for name, each in made.items()}
        part = distance(paint("dpmpp", steps, MIDDLE), truth)
        spread = ", ".join(f"{name} {float(each.std() / truth.std()):.2f}" for name, each in made.items())
        beside = f"ddim {far['ddim']:.1%}, ddpm {far['ddpm']:.1%}; dpmpp guided in part {part:.1%}; spread: {spread}"
        figure(f"dpmpp's distance, {steps} steps of the prior", far["dpmpp"], "%", beside=beside)
    return truth


def print_decoder(paint: Painter) -> None:
    """Print the decoder's distances, in levels of 255."""
    truth = paint("dpmpp", MANY["decoder"], WHOLE)
    for steps in DECODER:
        far = {name: rms(paint(name, steps, WHOLE) - truth) for name in ("ddpm", "ddim", "dpmpp")}
        beside = f"ddim {far['ddim']:.3g}, ddpm {far['ddpm']:.3g} (of 255)"
        figure(f"dpmpp's distance, {steps} steps of the decoder", far["dpmpp"], "of 255", beside=beside)


def semantic(
    model: Any,
    prompts: list[str],
    sampler: SamplerName,
    steps: int,
    guided: tuple[float, float],
    first: int = 0,
) -> Tensor:
    """Return the prior's latents of the prompts, each from a seed of its own from `first` on."""
    return torch.cat(
        [
            done(_Painting(model, sketch(prompt, seed, sampler, steps, guided)).embeddings())
            for seed, prompt in enumerate(prompts, first)
        ]
    )


def pictures(
    model: Any,
    prompts: list[str],
    embeddings: Tensor,
    sampler: SamplerName,
    steps: int,
    guided: tuple[float, float],
) -> Tensor:
    """Return pixels from 0 to 255 that the decoder makes of given semantic latents."""
    made = []
    for seed, prompt in enumerate(prompts):
        painting = _Painting(model, sketch(prompt, seed, sampler, steps, guided))
        made.append(painting.pixels(done(painting.latents(embeddings[seed : seed + 1]))) * 255)
    return torch.cat(made)


def sketch(prompt: str, seed: int, sampler: SamplerName, steps: int, guided: tuple[float, float]) -> Sketch:
    """Return a picture of the built-in model's size to paint with so many steps of each stage."""
    recipe = Recipe(
        name="trial", prior_steps=steps, decoder_steps=steps, sampler=sampler, guidance=3.0, guided=guided
    )
    width, height = SMALL.sizes[0]
    return Sketch(prompt=prompt, negative="", width=width, height=height, seeds=[(seed, None)], recipe=recipe)


def done(steps: Any) -> Tensor:
    """Run a stage to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Tensor = end.value
            return result


def distance(made: Tensor, truth: Tensor) -> float:
    """Return the root mean square of the difference, as a share of the truth's spread."""
    return rms(made - truth) / float(truth.std())


def rms(numbers: Tensor) -> float:
    """Return the root mean square."""
    return float(numbers.square().mean().sqrt())


if __name__ == "__main__":
    with torch.inference_mode():
        main()
