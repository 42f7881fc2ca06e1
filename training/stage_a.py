"""Stage A: train the autoencoder on random crops of the catalogue's pictures."""

from argparse import Namespace
from pathlib import Path

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
from torch import Tensor

from training.catalogue import catalogue, sample
from training.crops import Crops, difference, rendered
from training.latents import open_latents
from training.loop import Loop
from training.nets import autoencoder
from training.objects import load
from training.options import seed, training_parser

POOL = 24  # pictures drawn at a time
NOISE = 0.05  # added to the latents, so that the decoder forgives
NONE = (0, 32, 32)  # the latents of a picture where none are known


class Pool:
    """Pictures of the catalogue, drawn at random, with the latents that `training.latents` wrote, or with none."""

    def __init__(self, work: Path, *, keep: bool) -> None:
        self.data = open_latents(work) if keep else None
        self.objects = self.data.objects if self.data else load(work)
        self.entries = self.data.entries if self.data else catalogue(self.objects)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Some of them."""
        chosen = sample(self.entries, self.objects, POOL)
        latents = [self.data.latents(entry) if self.data else torch.empty(NONE) for entry in chosen]
        return rendered(chosen, self.objects), torch.stack(latents)


def decoded(network: PaellaVQModel, latents: Tensor, options: Namespace) -> Tensor:
    """Pictures by the network's own way to decode: the body in autocast's precision, the end in fp32."""
    with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16"):
        states = network.up_blocks(latents.contiguous(memory_format=torch.channels_last))
    pictures: Tensor = network.out_block(states.float())
    return pictures


def main() -> None:
    """Write stage_a.pt and the folder vqgan into the work folder."""
    parser = training_parser(__doc__, minutes=15, rate=2e-3, batch=32)
    parser.add_argument(
        "--keep", action="store_true", help="keep the latents of latents.pt: stages B and C stay valid"
    )
    options = parser.parse_args()
    seed(options)
    network = autoencoder().to(options.device, memory_format=torch.channels_last)
    crops = Crops(Pool(options.work, keep=options.keep), options.batch)

    def loss() -> Tensor:
        pictures, known = (part.to(options.device) for part in crops.draw())
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16"):
            latents = network.encode(pictures).latents.float()
        if options.keep:
            off, latents = ((latents - known) ** 2).mean(), known
        else:
            off = 1e-3 * (torch.relu(latents.std() - 1) ** 2 + latents.mean() ** 2)
        return (
            difference(decoded(network, latents + torch.randn_like(latents) * NOISE, options), pictures) + off
        )

    made = Loop({"autoencoder": network}, options.work / "stage_a.pt", options).run(loss)
    network.load_state_dict(made["autoencoder"])
    network.save_pretrained(options.work / "vqgan")


if __name__ == "__main__":
    main()
