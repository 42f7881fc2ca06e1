"""The semantic latents of the catalogue, by the compressor of stage B."""

from pathlib import Path

import torch
from torch import Tensor

from training.loop import averaged
from training.nets import SEMANTIC, Compressor

PATCHES = 4  # patches of 2x2 a side, planned by one token each


@torch.no_grad()
def semantics(pictures: Tensor, work: Path) -> Tensor:
    """N x 16 x 8 x 8 semantic latents of N latents of stage A."""
    network = Compressor()
    network.load_state_dict(averaged(work / "stage_b.pt")["compressor"])
    network.eval()
    return torch.cat([network(part.float()) for part in pictures.split(256)])


def patches(semantic: Tensor) -> Tensor:
    """The latents as N x 16 patches of 64 numbers, row by row."""
    split = semantic.unflatten(2, (PATCHES, 2)).unflatten(4, (PATCHES, 2))
    return split.permute(0, 2, 4, 1, 3, 5).reshape(len(semantic), PATCHES**2, 4 * SEMANTIC)
