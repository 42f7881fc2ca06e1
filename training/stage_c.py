"""Stage C: train the prior, words to semantic latents, with the warmed-up text encoder."""

import torch
from torch import Tensor

from training.latents import open_latents
from training.loop import Loop, averaged
from training.nets import END, LENGTH, START, predict_prior, prior, prior_text_encoder, read
from training.noise import noisy, times, weighted
from training.options import seed, training_parser
from training.semantics import compressor
from training.text_encoder import keep_codes

WORDLESS = 0.08  # share of captions left out, for guidance


def without_some(tokens: Tensor) -> Tensor:
    """The tokens with some captions emptied."""
    empty = torch.full((LENGTH,), END)
    empty[0] = START
    return torch.where(torch.rand(len(tokens), 1) < WORDLESS, empty, tokens)


def main() -> None:
    """Write stage_c.pt into the work folder."""
    parser = training_parser(__doc__, minutes=22, rate=1.3e-3, batch=64)
    parser.add_argument("--text-rate", type=float, default=0.0, help="share of the rate for the text encoder")
    options = parser.parse_args()
    seed(options)
    data = open_latents(options.work)
    compressed = compressor(options.work).to(options.device)
    network, encoder = prior().to(options.device), prior_text_encoder().to(options.device)
    encoder.load_state_dict(averaged(options.work / "text_encoder.pt")["text_encoder"])
    keep_codes(encoder)
    encoder.requires_grad_(options.text_rate > 0)

    def predict(latents: Tensor, at: Tensor, tokens: Tensor) -> Tensor:
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16"):
            return predict_prior(network, latents, at, read(encoder, tokens).float())

    chosen = torch.compile(predict) if options.compile else predict

    def loss() -> Tensor:
        latents, tokens = data.draw(options.batch)
        at = times(options.batch, options.device)
        start, noise = noisy(compressed(latents.to(options.device)), at)
        predicted = chosen(start, at, without_some(tokens).to(options.device))
        return weighted(predicted, noise, at, cap=50, floor=0.1)

    modules = {"prior": network, "text_encoder": encoder}
    rates = {"text_encoder": options.text_rate}
    Loop(modules, options.work / "stage_c.pt", options, rates).run(loss)


if __name__ == "__main__":
    main()
