"""Stage B: train the decoder, its text encoder and the compressor that makes the semantic latents."""

import torch
from torch import Tensor

from training.latents import open_latents
from training.loop import Loop
from training.nets import Compressor, decoder, decoder_text_encoder, predict_decoder, read, shortened
from training.noise import noisy, times, weighted
from training.options import seed, training_parser

BLUR = 0.3  # most noise on the semantic latents, so that the decoder forgives the prior
DROPPED = 0.05  # share of semantic latents left out


def blurred(semantic: Tensor) -> Tensor:
    """Semantic latents with noise of random strength, some left out."""
    count = (len(semantic), 1, 1, 1)
    kept = (torch.rand(count, device=semantic.device) > DROPPED).float()
    return semantic * kept + torch.randn_like(semantic) * BLUR * torch.rand(count, device=semantic.device)


def main() -> None:
    """Write stage_b.pt into the work folder."""
    parser = training_parser(__doc__, minutes=75, rate=1e-3, batch=48)
    parser.add_argument("--freeze", action="store_true", help="keep the compressor: stage C stays valid")
    options = parser.parse_args()
    seed(options)
    data = open_latents(options.work)
    network, encoder, compressor = (
        part.to(options.device) for part in (decoder(), decoder_text_encoder(), Compressor())
    )
    modules = {"decoder": network, "text_encoder": encoder, "compressor": compressor}
    loop = Loop(modules, options.work / "stage_b.pt", options)
    if options.freeze:
        compressor.load_state_dict(loop.average.weights["compressor"])
        compressor.eval().requires_grad_(False)

    def predict(latents: Tensor, at: Tensor, plan: Tensor, tokens: Tensor) -> Tensor:
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16"):
            return predict_decoder(network, latents, at, plan, read(encoder, tokens))

    chosen = torch.compile(predict) if options.compile else predict

    def loss() -> Tensor:
        latents, tokens = data.draw(options.batch)
        latents = latents.to(options.device)
        at = times(options.batch, options.device)
        start, noise = noisy(latents, at)
        plan = blurred(compressor(latents))
        return weighted(
            chosen(start, at, plan, shortened(tokens).to(options.device)), noise, at, cap=100, floor=0.5
        )

    loop.run(loss)


if __name__ == "__main__":
    main()
