"""Würstchen's cosine noise schedule: noising, loss weights and a deterministic sampler."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

OFFSET = 0.008  # `s` of DDPMWuerstchenScheduler


def kept(times: Tensor) -> Tensor:
    """The share of the signal's power left at times in [0, 1], as DDPMWuerstchenScheduler has it."""
    angle = (times + OFFSET) / (1 + OFFSET) * math.pi / 2
    start = math.cos(OFFSET / (1 + OFFSET) * math.pi / 2) ** 2
    return (torch.cos(angle) ** 2 / start).clamp(1e-4, 0.9999)


def times(count: int, device: str) -> Tensor:
    """Times spread evenly over a batch, in random order: less variance than independent ones."""
    return ((torch.randperm(count) + torch.rand(count)) / count).clamp(0.01, 0.999).to(device)


def noisy(clean: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Latents with noise added, and that noise."""
    share = kept(at)[:, None, None, None]
    noise = torch.randn_like(clean)
    return share.sqrt() * clean + (1 - share).sqrt() * noise, noise


def weighted(predicted: Tensor, noise: Tensor, at: Tensor, cap: float, floor: float) -> Tensor:
    """The squared error of the noise, weighted by 1/SNR up to `cap`, plus `floor`.

    The error of the noise times 1/SNR is the error of the clean latents: shapes are decided at high noise,
    where the plain loss hardly sees them.
    """
    share = kept(at)
    error = ((predicted - noise) ** 2).mean((1, 2, 3))
    return (error * (((1 - share) / share).clamp(max=cap) + floor)).mean()


def sample(predict: Callable[[Tensor, Tensor], Tensor], start: Tensor, steps: int, limit: float) -> Tensor:
    """Latents by the deterministic sampler (DDIM, Song et al. 2020, equation 12) from pure noise."""
    latents, clean = start, start
    edges = torch.linspace(1, 0, steps + 1, device=start.device)
    for now, then in itertools.pairwise(edges):
        share, following = kept(now), kept(then)
        noise = predict(latents, now.expand(len(start)))
        clean = ((latents - (1 - share).sqrt() * noise) / share.sqrt()).clamp(-limit, limit)
        noise = (latents - share.sqrt() * clean) / (1 - share).sqrt()
        latents = following.sqrt() * clean + (1 - following).sqrt() * noise
    return clean
