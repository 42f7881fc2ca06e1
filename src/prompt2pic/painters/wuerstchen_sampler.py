"""Würstchen's cosine schedule and the samplers that walk down it."""

from collections.abc import Callable

import torch
from torch import Tensor

from prompt2pic.painters.noise import Generators, fresh_noise
from prompt2pic.painters.wuerstchen_levels import SamplerName

Sampler = Callable[["Schedule", Tensor, Tensor, Tensor, Tensor, Generators], Tensor]


class Schedule:
    """How much of the signal is left at a time from 1 (noise) to 0 (picture).

    Nichol and Dhariwal 2021, equation 17, clamped as in diffusers' DDPMWuerstchenScheduler; `s` is the
    offset, `scaler` bends the time.
    """

    def __init__(self, s: float = 0.008, scaler: float = 1.0) -> None:
        self._s = torch.tensor([s])
        self._scaler = scaler
        self._start = torch.cos(self._s / (1 + self._s) * torch.pi * 0.5) ** 2

    def signal(self, t: Tensor) -> Tensor:
        """Return the product of the alphas up to the times `t` (shape (1,)), between 0.0001 and 0.9999."""
        t = self._bent(t)
        cosine = torch.cos((t + self._s) / (1 + self._s) * torch.pi * 0.5) ** 2
        return (cosine / self._start).clamp(0.0001, 0.9999)

    def _bent(self, t: Tensor) -> Tensor:
        if self._scaler > 1:
            return 1 - (1 - t) ** self._scaler
        return t**self._scaler if self._scaler < 1 else t


def times(steps: int) -> Tensor:
    """Return `steps + 1` evenly spaced times from 1 to 0."""
    return torch.linspace(1.0, 0.0, steps + 1)


def ddpm(
    schedule: Schedule, sample: Tensor, noise: Tensor, t: Tensor, after: Tensor, generators: Generators
) -> Tensor:
    """Take one ancestral step from time `t` to `after`, with `noise` as the model predicted it in `sample`.

    Ho et al. 2020, algorithm 2, with the numbers of diffusers' DDPMWuerstchenScheduler to the bit.
    """
    now, then = schedule.signal(t).to(sample.device), schedule.signal(after).to(sample.device)
    alpha = now / then
    mean = (1.0 / alpha).sqrt() * (sample - (1 - alpha) * noise / (1 - now).sqrt())
    spread = ((1 - alpha) * (1.0 - then) / (1.0 - now)).sqrt() * fresh_noise(
        sample.shape, generators, sample.device
    )
    return mean + spread * (after != 0).float().to(sample.device)


def ddim(
    schedule: Schedule, sample: Tensor, noise: Tensor, t: Tensor, after: Tensor, generators: Generators
) -> Tensor:
    """Take one deterministic step from time `t` to `after`; at 0 the picture without its last noise.

    Song et al. 2021, equation 12 with sigma 0; the predicted picture is clamped to 4 standard deviations.
    """
    now, then = schedule.signal(t).to(sample.device), schedule.signal(after).to(sample.device)
    picture = guess(schedule, sample, noise, t)
    if after == 0:
        return picture
    noise = (sample - now.sqrt() * picture) / (1 - now).sqrt()
    return then.sqrt() * picture + (1 - then).sqrt() * noise


class MultiStep:
    """DPM-Solver++(2M), deterministic: a step leans on the picture that the step before saw.

    Lu et al. 2022 (arXiv:2211.01095), algorithm 2; the first step and the last are of the first order.
    """

    def __init__(self) -> None:
        self._last: tuple[Tensor, Tensor] | None = None  # the picture, and the half log of signal over noise

    def __call__(
        self,
        schedule: Schedule,
        sample: Tensor,
        noise: Tensor,
        t: Tensor,
        after: Tensor,
        generators: Generators,
    ) -> Tensor:
        """Take one step from time `t` to `after`; at 0 the picture without its last noise."""
        now, then = schedule.signal(t).to(sample.device), schedule.signal(after).to(sample.device)
        picture = guess(schedule, sample, noise, t)
        if after == 0:
            return picture
        start, stride = now.logit() / 2, (then.logit() - now.logit()) / 2
        leaning = self._lean(picture, start, stride)
        self._last = picture, start
        return ((1 - then) / (1 - now)).sqrt() * sample - then.sqrt() * torch.expm1(-stride) * leaning

    def _lean(self, picture: Tensor, start: Tensor, stride: Tensor) -> Tensor:
        if self._last is None or start == self._last[1]:  # where the schedule is clamped nothing moves
            return picture
        before, its_start = self._last
        return picture + stride / (2 * (start - its_start)) * (picture - before)


def guess(schedule: Schedule, sample: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Return the picture that the model sees in a sample at time `t`, clamped to 4 standard deviations."""
    now = schedule.signal(t).to(sample.device)
    return ((sample - (1 - now).sqrt() * noise) / now.sqrt()).clamp(-4.0, 4.0)


def make_sampler(name: SamplerName) -> Sampler:
    """Return a sampler for one walk from noise to a sample."""
    return MultiStep() if name == "dpmpp" else {"ddpm": ddpm, "ddim": ddim}[name]
