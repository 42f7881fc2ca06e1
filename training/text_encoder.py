"""Warm up the prior's text encoder: its last 16 tokens plan the 4x4 patches of the semantic latents.

CLIP's text encoder is causal and its padding reads the whole prompt, so the 16 last tokens, which short
prompts leave empty, can each hold what belongs at one place of the picture. The prior then only has to copy.
"""

import torch
from torch import Tensor, nn

from training.latents import open_latents
from training.loop import Loop
from training.nets import PLAN, PRIOR_WIDTH, SEMANTIC, prior_text_encoder, read
from training.options import seed, training_parser
from training.semantics import patches, semantics


def main() -> None:
    """Write text_encoder.pt into the work folder."""
    options = training_parser(__doc__, minutes=10, rate=2e-3, batch=192).parse_args()
    seed(options)
    data = open_latents(options.work)
    wanted = patches(semantics(data.pictures, options.work))
    encoder = prior_text_encoder().to(options.device)
    head = nn.Linear(PRIOR_WIDTH, 4 * SEMANTIC).to(options.device)

    def states(tokens: Tensor) -> Tensor:
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16"):
            return read(encoder, tokens)

    chosen = torch.compile(states) if options.compile else states

    def loss() -> Tensor:
        numbers, tokens = data.draw(options.batch)
        plan = head(chosen(tokens.to(options.device))[:, -PLAN:].float())
        return nn.functional.mse_loss(plan, wanted[numbers].to(options.device))

    Loop({"text_encoder": encoder, "head": head}, options.work / "text_encoder.pt", options).run(loss)


if __name__ == "__main__":
    main()
