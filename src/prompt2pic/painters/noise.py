"""The noise that a picture starts from: the same for a seed on every device, and mixed for variations."""

import torch
from torch import Tensor


def fresh_noise(shape: torch.Size, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return normal noise of `shape`, drawn on the CPU so that a seed means the same on every device."""
    return torch.randn(shape, generator=generator).to(device)


def mixed(noise: Tensor, other: Tensor, strength: float) -> Tensor:
    """Return the noise turned towards another by a share of the angle between them; it stays noise.

    Spherical linear interpolation (Shoemake 1985): 0 gives the one, 1 the other.
    """
    angle = torch.arccos(torch.cosine_similarity(noise.flatten(), other.flatten(), dim=0))
    return (torch.sin((1 - strength) * angle) * noise + torch.sin(strength * angle) * other) / torch.sin(
        angle
    )


def starting_noise(shape: torch.Size, seeds: tuple[int, int | None], strength: float) -> Tensor:
    """Return the noise of a seed, with that of the other one, where there is one, mixed in; on the CPU."""
    seed, other = seeds
    cpu = torch.device("cpu")
    noise = fresh_noise(shape, torch.Generator().manual_seed(seed), cpu)
    if other is None:
        return noise
    return mixed(noise, fresh_noise(shape, torch.Generator().manual_seed(other), cpu), strength)
