"""From words to pixels: text encoders, prior (stage C), decoder (stage B) and vqgan (stage A) in turn.

The control flow is that of diffusers' WuerstchenPriorPipeline and WuerstchenDecoderPipeline, as a generator
that rests after each step, so that whoever drives it can look, tell and stop.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import torch
from torch import Tensor

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.noise import generators, starting_noise
from prompt2pic.painters.wuerstchen_checkpoint import Checkpoint, Stage
from prompt2pic.painters.wuerstchen_levels import Recipe
from prompt2pic.painters.wuerstchen_sampler import guess, make_sampler, times

DECODER_CHANNELS = 4  # of the latents between decoder and vqgan

_GLANCE = 8  # latents a side that a preview is decoded from
_GLANCE_EVERY = 2  # steps of the decoder

Steps = Generator[Tensor | None, None, Tensor]  # rests now and then with a glance at the picture
Look = Callable[[Tensor], Tensor]  # latents -> pixels
Predict = Callable[[Tensor, Tensor], Tensor]  # (sample, time of shape (1,)) -> the noise in the sample


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """What a batch of pictures is painted from; sizes in pixels.

    `seeds` has each picture's own seed, and that of the noise that is mixed into its own by `strength` (0 to 1), None
    for all or for none.
    """

    prompt: str
    negative: str
    width: int
    height: int
    seeds: Sequence[tuple[int, int | None]]
    strength: float = 0.0
    recipe: Recipe


@torch.inference_mode()
def paint(model: Checkpoint, sketch: Sketch) -> Steps:
    """Paint pictures, resting after each step; return pixels from 0 to 1, shape (pictures, 3, height, width).

    It rests with nothing or with a glance: pixels of a few of the latents of the first picture so far.

    Raises PaintFailed where the numbers run away, and what torch raises.
    """
    painting = _Painting(model, sketch)
    embeddings = yield from painting.embeddings()
    latents = yield from painting.latents(embeddings)
    del embeddings  # and with them what was kept of them
    return painting.pixels(latents)


class _Painting:
    """Pictures in the making: all their randomness comes from generators on the CPU, one for each seed."""

    def __init__(self, model: Checkpoint, sketch: Sketch) -> None:
        self._model = model
        self._sketch = sketch
        self._count = len(sketch.seeds)
        self._own, self._others = (generators(seeds) for seeds in zip(*sketch.seeds, strict=True))

    def embeddings(self) -> Steps:
        """Paint the semantic latents from the words, pushed away from the negative prompt.

        Classifier-free guidance: Ho and Salimans 2022, equation 6 (whose w is the scale less 1).
        """
        model, sketch, recipe = self._model, self._sketch, self._sketch.recipe
        texts = [sketch.prompt, sketch.negative] if recipe.guidance > 1 else [sketch.prompt]
        words = torch.cat([self._words(model.prior, text) for text in texts])
        # The same objects in each step, for what is kept of them
        told = {texts: words[:texts].repeat_interleave(self._count, 0) for texts in (1, 2)}

        def predict(sample: Tensor, t: Tensor) -> Tensor:
            texts = 2 if recipe.guides(float(t)) else 1
            count = texts * self._count
            given = sample.expand(count, -1, -1, -1) if self._count == 1 else torch.cat([sample] * texts)
            noise: Tensor = model.prior.denoiser(given, t.expand(count), told[texts])
            wanted, unwanted = noise[: self._count], noise[-self._count :]
            return torch.lerp(unwanted, wanted, recipe.guidance) if texts > 1 else noise

        height, width = (ceil(side / model.resolution_multiple) for side in (sketch.height, sketch.width))
        shape = torch.Size((self._count, model.prior.denoiser.config.c_in, height, width))
        latents = yield from self._denoise(model.prior, predict, shape, sketch.recipe.prior_steps)
        return latents * model.latent_mean - model.latent_std

    def latents(self, embeddings: Tensor) -> Steps:
        """Paint the latents of the vqgan from the semantic ones and the words."""
        model = self._model
        words = self._words(model.decoder, self._sketch.prompt).repeat_interleave(self._count, 0)
        embeddings = embeddings.to(model.dtype)

        def predict(sample: Tensor, t: Tensor) -> Tensor:
            noise: Tensor = model.decoder.denoiser(sample, t.expand(self._count), embeddings, words)
            return noise

        height, width = (int(side * model.latent_dim_scale) for side in embeddings.shape[2:])
        shape = torch.Size((self._count, DECODER_CHANNELS, height, width))
        steps = self._sketch.recipe.decoder_steps
        return (yield from self._denoise(model.decoder, predict, shape, steps, self._glance))

    def pixels(self, latents: Tensor) -> Tensor:
        """Decode the latents, one picture after the other: no step takes as much memory."""
        vqgan = self._model.vqgan
        given = (latents * vqgan.config.scale_factor).to(self._model.dtype)
        pixels = torch.cat([vqgan.decode(one).sample for one in given.split(1)])
        return _finite(pixels).clamp(0, 1)

    def _glance(self, latents: Tensor) -> Tensor:
        """Decode so few latents that it costs next to nothing."""
        height, width = latents.shape[2:]
        scale = min(1.0, _GLANCE / max(height, width))
        size = [max(1, round(side * scale)) for side in (height, width)]
        return self.pixels(torch.nn.functional.interpolate(latents[:1], size=size, mode="area"))

    def _words(self, stage: Stage, text: str) -> Tensor:
        """Return the last hidden states of a text, cut or padded to the length that the encoder reads."""
        tokens = stage.tokenizer(
            [text],
            padding="max_length",
            max_length=stage.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).to(self._model.device)
        states = stage.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask)
        words: Tensor = states.last_hidden_state
        return words

    def _denoise(
        self, stage: Stage, predict: Predict, shape: torch.Size, steps: int, glance: Look | None = None
    ) -> Steps:
        """Walk from noise to a sample; latents stay in fp32, only the model may work in less."""
        model, sampler = self._model, make_sampler(self._sketch.recipe.sampler)
        strength = self._sketch.strength
        sample = starting_noise(shape, self._own, self._others, strength, model.device)
        for step, (t, after) in enumerate(pairwise(times(steps).split(1)), 1):
            noise = _finite(predict(sample.to(model.dtype), t.to(model.device)).float())
            looks = glance if step % _GLANCE_EVERY == 0 else None
            seen = looks(guess(stage.schedule, sample, noise, t)) if looks else None
            sample = sampler(stage.schedule, sample, noise, t, after, self._own)
            yield seen
        return sample


def _finite(numbers: Tensor) -> Tensor:
    # Looked at in each step: next to a step it costs nothing, and the steps that would follow are spared.
    if not numbers.isfinite().all():
        raise PaintFailed("picture-not-finite")
    return numbers
