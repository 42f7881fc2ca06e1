"""How near few steps of each sampler come to what many steps of the same seed paint, on the built-in model.

python -m bench.samplers [--prompts 24]

The prior is judged by its semantic latents, the decoder by the pixels it makes of the prior's many-step latents.
The stock ancestral sampler draws noise on the way and never comes to the deterministic result: its distance has a
floor, which its many steps show, and its spread (which all samplers should share) is told beside.
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
from prompt2pic.painters.wuerstchen_levels import Recipe, SamplerName

PROMPTS = Path(__file__).parents[1] / "training" / "words" / "sheet.txt"
PRIOR, DECODER = (4, 6, 8, 12, 24), (4, 6, 10)  # steps
MANY = {"prior": 64, "decoder": 40}
WHOLE, MIDDLE, EARLY = (1.0, 0.0), (0.8, 0.2), (1.0, 0.4)
Painter = Callable[[SamplerName, int, tuple[float, float]], Tensor]


def main() -> None:
    """Print the distances of prior and decoder for each number of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=24)
    prompts = PROMPTS.read_text().splitlines()[: parser.parse_args().prompts]
    painter = WuerstchenPainter()
    painter.load(lambda fraction, what: None)
    model = painter._expect_loaded().model
    embeddings = print_prior(partial(semantic, model, prompts))
    print_decoder(partial(pictures, model, prompts, embeddings))


def print_prior(paint: Painter) -> Tensor:
    """Print the prior's distances; return its many-step latents."""
    truth = paint("dpmpp", MANY["prior"], WHOLE)
    floor = distance(paint("ddpm", MANY["prior"], WHOLE), truth)
    for steps in PRIOR:
        made = {name: paint(name, steps, WHOLE) for name in ("ddpm", "ddim", "dpmpp")}
        far = {name: distance(each, truth) for name, each in made.items()}
        parts = [
            f"guided from {part[0]:g} to {part[1]:g} {distance(paint('dpmpp', steps, part), truth):.1%}"
            for part in (MIDDLE, EARLY)
        ]
        spread = ", ".join(f"{name} {(each.std() / truth.std()).item():.2f}" for name, each in made.items())
        stock = f"ddpm {far['ddpm']:.1%} ({floor:.1%} at {MANY['prior']} steps)"
        beside = f"ddim {far['ddim']:.1%}, {stock}; dpmpp {', '.join(parts)}; spread: {spread}"
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
    model: Any, prompts: list[str], sampler: SamplerName, steps: int, guided: tuple[float, float]
) -> Tensor:
    """Return the prior's latents of the prompts, each from a seed of its own."""
    return torch.cat(
        [
            done(_Painting(model, sketch(prompt, seed, sampler, steps, guided)).embeddings())
            for seed, prompt in enumerate(prompts)
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
    return Sketch(prompt=prompt, negative="", width=128, height=128, seed=seed, recipe=recipe)


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
