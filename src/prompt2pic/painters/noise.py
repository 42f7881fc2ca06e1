"""The noise that a picture starts from: the same for a seed on every device, and mixed for variations."""

from collections.abc import Sequence

import torch
from torch import Tensor

Generators = Sequence[torch.Generator]  # one for each picture of a batch


def fresh_noise(shape: torch.Size, generators: Generators, device: torch.device) -> Tensor:
    """Return normal noise of `shape`, whose first number is that of the generators.

    It is drawn on the CPU so that a seed means the same on every device, and by a picture's own generator so that it
    means the same in every batch.
    """
    return torch.cat([torch.randn((1, *shape[1:]), generator=one) for one in generators]).to(device)


def mixed(noise: Tensor, other: Tensor, strength: float) -> Tensor:
    """Return the noise turned towards another by a share of the angle between them; it stays noise.

    Spherical linear interpolation (Shoemake 1985): 0 gives the one, 1 the other.
    """
    angle = torch.arccos(torch.cosine_similarity(noise.flatten(), other.flatten(), dim=0))
    return (torch.sin((1 - strength) * angle) * noise + torch.sin(strength * angle) * other) / torch.sin(
        angle
    )


def generators(seeds: Sequence[int | None]) -> Generators:
    """Return what draws the noise of each seed; nothing where there are none."""
    return [torch.Generator().manual_seed(seed) for seed in seeds if seed is not None]


def starting_noise(
    shape: torch.Size, own: Generators, others: Generators, strength: float, device: torch.device
) -> Tensor:
    """Return the pictures' own noise, with that of others, where there are any, mixed in by `strength`."""
    noise = fresh_noise(shape, own, device)
    if not others:
        return noise
    pairs = zip(noise.split(1), fresh_noise(shape, others, device).split(1), strict=True)
    return torch.cat([mixed(one, other, strength) for one, other in pairs])
