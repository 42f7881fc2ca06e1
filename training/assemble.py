"""Fold the stages into the layout of diffusers: the folders prior and decoder, half precision."""

import shutil
from pathlib import Path

from diffusers import DDPMWuerstchenScheduler
from diffusers.pipelines.deprecated.wuerstchen import (
    PaellaVQModel,
    WuerstchenDecoderPipeline,
    WuerstchenPriorPipeline,
)
from torch import Tensor, nn
from transformers import CLIPTokenizer

from training.loop import averaged
from training.nets import (
    LENGTH,
    PATCH,
    SHORT,
    autoencoder,
    decoder,
    decoder_text_encoder,
    prior,
    prior_text_encoder,
)
from training.options import parser


def loaded(network: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """The network with its weights, in half precision, ready to paint."""
    network.load_state_dict(weights)
    return network.eval().half()


def prior_pipeline(work: Path) -> WuerstchenPriorPipeline:
    """Stage C: words to semantic latents, which are 1/32 of the picture's size."""
    weights = averaged(work / "stage_c.pt")
    return WuerstchenPriorPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(work / "tokenizer", model_max_length=LENGTH),
        text_encoder=loaded(prior_text_encoder(), weights["text_encoder"]),
        prior=loaded(prior(), weights["prior"]),
        scheduler=DDPMWuerstchenScheduler(),
        latent_mean=1.0,
        latent_std=0.0,
        resolution_multiple=PATCH,
    )


def decoder_pipeline(work: Path) -> WuerstchenDecoderPipeline:
    """Stages B and A: semantic latents to a picture."""
    weights = averaged(work / "stage_b.pt")
    return WuerstchenDecoderPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(work / "tokenizer", model_max_length=SHORT),
        text_encoder=loaded(decoder_text_encoder(), weights["text_encoder"]),
        decoder=loaded(decoder(), weights["decoder"]),
        scheduler=DDPMWuerstchenScheduler(),
        vqgan=loaded(autoencoder(), PaellaVQModel.from_pretrained(work / "vqgan").state_dict()),
        latent_dim_scale=4.0,
    )


def readable(folder: Path) -> None:
    """Let everybody read the files: weights are written for their owner only."""
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)


def main() -> None:
    """Write the two folders, replacing those that are there."""
    options = parser(__doc__)
    options.add_argument("--to", type=Path, help="folder for prior and decoder; `builtin` in the work folder")
    options = options.parse_args()
    target = options.to or options.work / "builtin"
    for name, pipeline in (("prior", prior_pipeline), ("decoder", decoder_pipeline)):
        shutil.rmtree(target / name, ignore_errors=True)
        pipeline(options.work).save_pretrained(target / name, safe_serialization=True)
        readable(target / name)
    print("assembled in", target)


if __name__ == "__main__":
    main()
