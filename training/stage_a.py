"""Stage A: train the autoencoder on random crops of the catalogue's pictures."""

import random

import torch
from torch import Tensor, nn

from training.catalogue import catalogue, drawn, sample
from training.loop import Loop, averaged
from training.nets import autoencoder
from training.objects import Object, load
from training.options import seed, training_parser

CROP = 64  # pixels
POOL = 24  # pictures drawn at a time
REUSE = 8  # batches cut from one pool
NOISE = 0.05  # added to the latents, so that the decoder forgives


class Crops:
    """An endless supply of random crops."""

    def __init__(self, objects: list[Object], batch: int) -> None:
        self.objects, self.batch = objects, batch
        self.entries = catalogue(objects)
        self.pool = torch.empty(0)
        self.used = 0

    def draw(self) -> Tensor:
        """A batch of crops: N x 3 x 64 x 64, 0 to 1."""
        if self.used % REUSE == 0:
            chosen = sample(self.entries, self.objects, POOL)
            pictures = [torch.from_numpy(drawn(entry, self.objects)) for entry in chosen]
            self.pool = torch.stack(pictures).permute(0, 3, 1, 2) / 255
        self.used += 1
        return torch.stack([self._crop() for _ in range(self.batch)])

    def _crop(self) -> Tensor:
        picture = self.pool[random.randrange(len(self.pool))]
        top, left = (random.randrange(side - CROP + 1) for side in picture.shape[1:])
        return picture[:, top : top + CROP, left : left + CROP]


def slopes(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbouring pixels in both directions."""
    return pictures.diff(dim=-1), pictures.diff(dim=-2)


def difference(got: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute error of pixels and of their slopes: the second keeps edges crisp."""
    pairs = zip((got, *slopes(got)), (wanted, *slopes(wanted)), strict=True)
    return torch.stack([nn.functional.l1_loss(one, other) for one, other in pairs]).sum()


def main() -> None:
    """Write stage_a.pt and the folder vqgan into the work folder."""
    options = training_parser(__doc__, minutes=14, rate=2e-3, batch=32).parse_args()
    seed(options)
    network = autoencoder().to(options.device, memory_format=torch.channels_last)
    crops = Crops(load(options.work), options.batch)

    def loss() -> Tensor:
        pictures = crops.draw().to(options.device).contiguous(memory_format=torch.channels_last)
        latents = network.encode(pictures).latents
        result = network.decode(latents + torch.randn_like(latents) * NOISE).sample
        spread = torch.relu(latents.std() - 1) ** 2 + latents.mean() ** 2
        return difference(result, pictures) + 1e-3 * spread

    file = options.work / "stage_a.pt"
    Loop({"autoencoder": network}, file, options).run(loss)
    network.load_state_dict(averaged(file)["autoencoder"])
    network.save_pretrained(options.work / "vqgan")


if __name__ == "__main__":
    main()
