"""Crops of pictures, which stage A learns from, and how far a picture is off."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.catalogue import Entry, drawn
from training.objects import Object

CROP = 16  # latents a side
EACH = 8  # pixels a side that a latent covers
REUSE = 8  # batches cut from one pool


class Crops:
    """An endless supply of random crops of pictures, N x 3 x 256 x 256, and their latents, N x 4 x 32 x 32."""

    def __init__(self, pool: Callable[[], tuple[Tensor, Tensor]], batch: int) -> None:
        self.pool, self.batch = pool, batch
        self.pictures, self.latents = torch.empty(0), torch.empty(0)
        self.used = 0

    def draw(self) -> tuple[Tensor, Tensor]:
        """A batch of crops, N x 3 x 128 x 128, and their latents, N x 4 x 16 x 16."""
        if self.used % REUSE == 0:
            self.pictures, self.latents = self.pool()
        self.used += 1
        pictures, latents = zip(*(self._crop() for _ in range(self.batch)), strict=True)
        return torch.stack(pictures).contiguous(memory_format=torch.channels_last), torch.stack(latents)

    def _crop(self) -> tuple[Tensor, Tensor]:
        number = random.randrange(len(self.pictures))
        top, left = (random.randrange(side - CROP + 1) for side in self.latents.shape[2:])
        rows, columns = (slice(EACH * start, EACH * (start + CROP)) for start in (top, left))
        return (
            self.pictures[number, :, rows, columns],
            self.latents[number, :, top : top + CROP, left : left + CROP],
        )


def rendered(entries: list[Entry], objects: list[Object]) -> Tensor:
    """Pictures of the catalogue: N x 3 x 256 x 256, 0 to 1."""
    pictures = [torch.from_numpy(drawn(entry, objects)) for entry in entries]
    return torch.stack(pictures).permute(0, 3, 1, 2) / 255


def difference(got: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute error of pixels and of their slopes: the second keeps edges crisp."""
    pairs = zip((got, *slopes(got)), (wanted, *slopes(wanted)), strict=True)
    return torch.stack([nn.functional.l1_loss(one, other) for one, other in pairs]).sum()


def slopes(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbouring pixels in both directions."""
    return pictures.diff(dim=-1), pictures.diff(dim=-2)
