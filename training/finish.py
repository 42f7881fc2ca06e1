"""Stage A, once more: its half that makes pictures learns from what stage B paints, and to forgive its slips."""

import random
from argparse import Namespace

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
from torch import Tensor, nn

from training.catalogue import sample
from training.crops import Crops, difference, rendered
from training.latents import Latents, open_latents
from training.loop import Loop, averaged
from training.nets import decoder, decoder_text_encoder, predict_decoder, read, shortened
from training.noise import sample as denoised
from training.options import seed, training_parser
from training.semantics import compressor
from training.stage_a import NOISE, decoded

POOL = 32  # pictures painted at a time
STEPS = (4, 6, 10)  # of stage B, as the levels have them
LIMIT = 10.0  # of a latent
TRUE = 0.25  # share of pictures whose latents are the true ones


class Painted:
    """Pictures drawn at random, with their latents as stage B paints them of the true semantic ones."""

    def __init__(self, data: Latents, options: Namespace) -> None:
        self.data, self.options = data, options
        weights = averaged(options.work / "stage_b.pt")
        self.network, self.encoder = decoder().to(options.device), decoder_text_encoder().to(options.device)
        self.network.load_state_dict(weights["decoder"])
        self.encoder.load_state_dict(weights["text_encoder"])
        self.compressor = compressor(options.work).to(options.device)

    @torch.no_grad()
    def __call__(self) -> tuple[Tensor, Tensor]:
        """Some of them."""
        entries = sample(self.data.entries, self.data.objects, POOL)
        latents, tokens = (part.to(self.options.device) for part in self.data.worded(entries))
        semantic, words = self.compressor(latents), read(self.encoder, shortened(tokens))

        def predict(noisy: Tensor, at: Tensor) -> Tensor:
            with torch.autocast(
                self.options.device, torch.bfloat16, enabled=self.options.precision == "bf16"
            ):
                return predict_decoder(self.network, noisy, at, semantic, words)

        painted = denoised(predict, torch.randn_like(latents), random.choice(STEPS), LIMIT)
        true = torch.rand(len(latents), 1, 1, 1, device=latents.device) < TRUE
        return rendered(entries, self.data.objects), torch.where(true, latents, painted).cpu()


def main() -> None:
    """Write finish.pt, and the folder vqgan anew, into the work folder."""
    options = training_parser(__doc__, minutes=15, rate=1e-3, batch=32).parse_args()
    seed(options)
    network = PaellaVQModel.from_pretrained(options.work / "vqgan")
    network = network.to(options.device, memory_format=torch.channels_last)
    decoding = nn.ModuleList([network.up_blocks, network.out_block])
    crops = Crops(Painted(open_latents(options.work), options), options.batch)

    def loss() -> Tensor:
        pictures, latents = (part.to(options.device) for part in crops.draw())
        return difference(decoded(network, latents + torch.randn_like(latents) * NOISE, options), pictures)

    made = Loop({"decoding": decoding}, options.work / "finish.pt", options).run(loss)
    decoding.load_state_dict(made["decoding"])
    network.save_pretrained(options.work / "vqgan")


if __name__ == "__main__":
    main()
