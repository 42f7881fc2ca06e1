"""The semantic latents of pictures, by the compressor of stage B."""

from pathlib import Path

from torch import Tensor

from training.loop import averaged
from training.nets import SEMANTIC, Compressor

PATCHES = 4  # patches of 2x2 a side, planned by one token each


def compressor(work: Path) -> Compressor:
    """The trained compressor, which learns no more: N latents of stage A to N x 16 x 8 x 8."""
    network = Compressor()
    network.load_state_dict(averaged(work / "stage_b.pt")["compressor"])
    return network.eval().requires_grad_(False)


def patches(semantic: Tensor) -> Tensor:
    """The latents as N x 16 patches of 64 numbers, row by row."""
    split = semantic.unflatten(2, (PATCHES, 2)).unflatten(4, (PATCHES, 2))
    return split.permute(0, 2, 4, 1, 3, 5).reshape(len(semantic), PATCHES**2, 4 * SEMANTIC)
