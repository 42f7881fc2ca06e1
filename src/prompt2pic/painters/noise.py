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


def generator(seed: int | None) -> torch.Generator | None:
    """Return what draws the noise of a seed, None for none."""
    return None if seed is None else torch.Generator().manual_seed(seed)


def starting_noise(
    shape: torch.Size,
    own: torch.Generator,
    other: torch.Generator | None,
    strength: float,
    device: torch.device,
) -> Tensor:
    """Return a picture's own noise, with that of another one, where there is one, mixed in by `strength`."""
    noise = fresh_noise(shape, own, device)
    return noise if other is None else mixed(noise, fresh_noise(shape, other, device), strength)
