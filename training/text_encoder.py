"""Warm up the prior's text encoder: its last 16 tokens plan the 4x4 patches of the semantic latents.

CLIP's text encoder is causal and its padding reads the whole prompt, so the 16 last tokens, which short
prompts leave empty, can each hold what belongs at one place of the picture. The prior then only has to copy.
Eight dimensions are kept for a token's place: the prior finds it by them (see `training.places`).
"""

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from training.latents import open_latents
from training.loop import Loop
from training.nets import LENGTH, PLAN, PRIOR_WIDTH, SEMANTIC, prior_text_encoder, read
from training.options import seed, training_parser
from training.places import CODE
from training.semantics import PATCHES, compressor, patches

LOUD = 4.0  # the code's strength in the position embedding
WRITERS = ("out_proj.weight", "out_proj.bias", "fc2.weight", "fc2.bias")


def codes() -> Tensor:
    """The code of each of the 48 places: a row and a column for the plan's, nothing for the others."""
    code = torch.zeros(LENGTH, CODE)
    for number in range(PLAN):
        code[LENGTH - PLAN + number, [number // PATCHES, PATCHES + number % PATCHES]] = LOUD
    return code


@torch.no_grad()
def keep_codes(encoder: CLIPTextModel) -> None:
    """Let nothing but the position embedding write into the code's dimensions."""
    for name, weight in encoder.named_parameters():
        if name.endswith("position_embedding.weight"):
            weight[:, :CODE] = codes()
        elif name.endswith("token_embedding.weight"):
            weight[:, :CODE] = 0
        elif name.endswith(WRITERS):
            weight[:CODE] = 0
        elif name.endswith(("final_layer_norm.weight", "final_layer_norm.bias")):
            weight[:CODE] = float(name.endswith("weight"))


def main() -> None:
    """Write text_encoder.pt into the work folder."""
    options = training_parser(__doc__, minutes=95, rate=2e-3, batch=192).parse_args()
    seed(options)
    data = open_latents(options.work)
    compressed = compressor(options.work).to(options.device)
    encoder = prior_text_encoder().to(options.device)
    head = nn.Linear(PRIOR_WIDTH, 4 * SEMANTIC).to(options.device)

    def states(tokens: Tensor) -> Tensor:
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16"):
            return read(encoder, tokens)

    chosen = torch.compile(states) if options.compile else states

    def loss() -> Tensor:
        keep_codes(encoder)
        latents, tokens = data.draw(options.batch)
        wanted = patches(compressed(latents.to(options.device)))
        plan = head(chosen(tokens.to(options.device))[:, -PLAN:].float())
        return nn.functional.mse_loss(plan, wanted)

    Loop({"text_encoder": encoder, "head": head}, options.work / "text_encoder.pt", options).run(loss)


if __name__ == "__main__":
    main()
