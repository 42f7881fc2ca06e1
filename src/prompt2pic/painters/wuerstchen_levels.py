"""What the two families of Würstchen models announce: sizes, languages and levels, as data."""

from typing import Literal

import msgspec

from prompt2pic.core.ports import Level
from prompt2pic.painters.orders import Size

SamplerName = Literal["ddpm", "ddim", "dpmpp"]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a level paints: denoising steps of prior and decoder, sampler, guidance scale of the prior.

    A guidance of 1 or less paints without the negative prompt, in half the time of a prior step; so does every
    step outside of `guided`, the first and the last time (from 1, noise, to 0) of those that are guided.
    """

    name: str
    prior_steps: int
    decoder_steps: int
    sampler: SamplerName
    guidance: float
    guided: tuple[float, float] = (1.0, 0.0)

    def guides(self, t: float) -> bool:
        """Whether the step from time `t` on is guided (Kynkäänniemi et al. 2024, equation 6)."""
        return self.guidance > 1 and self.guided[0] >= t >= self.guided[1]

    @property
    def steps(self) -> int:
        """The number of steps of one picture."""
        return self.prior_steps + self.decoder_steps

    @property
    def level(self) -> Level:
        """The level as it is announced."""
        return Level(name=self.name, steps=self.steps)


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Models that were trained alike: the first size is the default, recipes go from fast to best.

    `half` lets a GPU use the weights in half precision. `threads` is the best number of CPU threads, None for
    torch's own choice. `trial` is the side, in semantic latents, of the picture that precisions are tried on.
    """

    sizes: tuple[Size, ...]
    languages: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    half: bool
    threads: int | None
    trial: int


# What a sampler loses on the full model can't be known without its weights, and the built-in one is no judge of it:
# its words alone decide (bench/samplers.py). So all but `fast` keep the sampler that the authors painted with.
_SIDES = range(512, 1536 + 1, 128)  # pixels; the multiples that 42.67 divides into whole latents

FULL = Family(
    sizes=((1024, 1024), *((w, h) for w in _SIDES for h in _SIDES if (w, h) != (1024, 1024))),
    languages=("en",),
    recipes=(
        Recipe(name="fast", prior_steps=16, decoder_steps=6, sampler="ddim", guidance=4.0),
        Recipe(name="balanced", prior_steps=30, decoder_steps=12, sampler="ddpm", guidance=4.0),
        Recipe(name="best", prior_steps=60, decoder_steps=12, sampler="ddpm", guidance=4.0),
    ),
    half=True,
    threads=None,
    trial=12,  # 512 pixels: the ratio is that of larger ones, in a fraction of the time
)

SMALL = Family(
    sizes=((256, 256),),
    languages=("ru", "en"),
    recipes=(
        Recipe(name="fast", prior_steps=8, decoder_steps=4, sampler="ddim", guidance=3.0),
        Recipe(name="balanced", prior_steps=14, decoder_steps=6, sampler="ddim", guidance=3.0),
        Recipe(name="best", prior_steps=24, decoder_steps=10, sampler="ddim", guidance=3.0),
    ),
    half=False,
    # As fast as two threads that wait passively, two thirds as fast as two that spin, and unlike those not
    # ten times slower while another process has work for a core (bench/painter.py).
    threads=1,
    trial=8,
)


def family_of(resolution_multiple: float) -> Family:
    """Return a model's family by the pixels that one semantic latent covers: 42.67 in full, 32 built in."""
    return FULL if resolution_multiple > 32 else SMALL
