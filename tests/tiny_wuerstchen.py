"""A Würstchen checkpoint of the published shape with tiny random weights, in the published folders."""

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

# Hardly two widths are alike, so that one taken for another is seen.
WORDS, CONDITION, SECOND_WORDS = 24, 40, 28
PRIOR = {"c_in": 16, "c": 36, "c_cond": WORDS, "c_r": 20, "depth": 1, "nhead": 3}
DECODER = {
    "c_hidden": [16, 32, 48, 60],
    "nhead": [-1, 2, 4, 5],
    "blocks": [1] * 4,
    "c_cond": CONDITION,
    "clip_embd": SECOND_WORDS,
    "c_r": 12,
}

NUMBERS = {"prior": {"latent_mean": 42.0, "latent_std": 1.0}, "decoder": {"latent_dim_scale": 10.67}}


def save_tiny_wuerstchen(folder: Path) -> Path:
    """Write the checkpoint into `prior` and `decoder` under `folder`, and return `folder`."""
    import torch
    from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel
    from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt
    from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior

    torch.manual_seed(0)
    prior, decoder = WuerstchenPrior(**PRIOR), WuerstchenDiffNeXt(**DECODER)
    vqgan = PaellaVQModel(embed_dim=16, bottleneck_blocks=1, num_vq_embeddings=16)
    _save_half(folder / "prior", WORDS, {"prior": prior}, NUMBERS["prior"])
    parts = {"decoder": decoder, "vqgan": vqgan}
    _save_half(folder / "decoder", SECOND_WORDS, parts, NUMBERS["decoder"])
    return folder


def _save_half(folder: Path, width: int, modules: dict[str, Any], numbers: dict[str, float]) -> None:
    for name, module in {**modules, "text_encoder": text_encoder(width)}.items():
        shake(module)
        module.save_pretrained(folder / name)
    save_rest(folder, numbers)


def save_rest(folder: Path, numbers: dict[str, float]) -> None:
    """Write what a half has beside its weights: scheduler, the built-in tokenizer, and its numbers."""
    from diffusers import DDPMWuerstchenScheduler

    DDPMWuerstchenScheduler().save_pretrained(folder / "scheduler")
    built_in = Path(str(resources.files("prompt2pic"))) / "models" / "builtin"
    shutil.copytree(built_in / "decoder" / "tokenizer", folder / "tokenizer")
    (folder / "model_index.json").write_text(json.dumps(numbers))


def text_encoder(width: int, inner: int = 44) -> Any:
    """Return a text encoder for the built-in tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    words = {"vocab_size": 4098, "bos_token_id": 4096, "eos_token_id": 4097, "pad_token_id": 4097}
    shape = {"hidden_size": width, "intermediate_size": inner, "num_attention_heads": 2}
    return CLIPTextModel(CLIPTextConfig(num_hidden_layers=1, max_position_embeddings=32, **shape, **words))


def shake(module: Any) -> None:
    """Add noise to all weights: many layers start at zero, and so each has a say in the picture."""
    import torch

    with torch.no_grad():
        for weights in module.parameters():
            weights += 0.1 * torch.randn_like(weights)
