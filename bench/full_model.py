"""The published Würstchen's configuration with random weights, and the operations of its denoisers."""

import json
from math import ceil
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel

from tests.tiny_wuerstchen import NUMBERS, save_rest

WORDS = 77  # tokens that both text encoders read
PRIOR = {"c_in": 16, "c": 1536, "c_cond": 1280, "c_r": 64, "depth": 32, "nhead": 24}
VQGAN = {
    "levels": 2,
    "bottleneck_blocks": 12,
    "embed_dim": 384,
    "latent_channels": 4,
    "num_vq_embeddings": 8192,
    "scale_factor": 0.3764,
}
# OpenCLIP's bigG and H, whose words prior and decoder read
TEXTS = {
    "prior": {
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
    },
    "decoder": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
}


def save_full(folder: Path) -> Path:
    """Write a checkpoint of 13 GB in fp32, as the published one is, into a folder, and return it."""
    denoisers = {"prior": lambda: WuerstchenPrior(**PRIOR), "decoder": WuerstchenDiffNeXt}
    for name, make in denoisers.items():
        half = folder / name
        _save(make, half / name)
        _save(lambda name=name: _text_encoder(TEXTS[name]), half / "text_encoder")
        save_rest(half, NUMBERS[name])
        _lengthen(half / "tokenizer" / "tokenizer_config.json")
    _save(lambda: PaellaVQModel(**VQGAN), folder / "decoder" / "vqgan")
    return folder


def operations(size: int) -> dict[str, dict[str, int]]:
    """Return the operations, two for each product and its sum, of one step of each denoiser at a size in pixels.

    Those of linear layers, of convolutions, and of attention's products; a step of the prior is guided.
    """
    side = ceil(size / 42.67)
    latents = int(side * 10.67)
    with torch.device("meta"):
        prior, decoder = WuerstchenPrior(**PRIOR).eval(), WuerstchenDiffNeXt().eval()
        time = torch.empty(2)
        counted = {
            "prior": (prior, [torch.empty(2, 16, side, side), time, torch.empty(2, WORDS, 1280)]),
            "decoder": (
                decoder,
                [
                    torch.empty(1, 4, latents, latents),
                    time[:1],
                    torch.empty(1, 16, side, side),
                    torch.empty(1, WORDS, 1024),
                ],
            ),
        }
        return {name: _counted(*each) for name, each in counted.items()}


def _counted(module: Any, given: list[Any]) -> dict[str, int]:
    """Count a step on the meta device. Linear layers of pictures count as batched products, as attention does."""
    attention = 0

    def note(layer: Any, places: tuple[Any, ...], words: dict[str, Any], _: Any) -> None:
        nonlocal attention
        attended = words["encoder_hidden_states"].shape
        attention += 4 * places[0].shape[2:].numel() * attended[1] * attended[2] * attended[0]

    for layer in module.modules():
        if isinstance(layer, Attention):
            layer.register_forward_hook(note, with_kwargs=True)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(*given)
    convolutions = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    layers = counter.get_total_flops() - attention - convolutions
    return {"layers": layers, "convolutions": convolutions, "attention": attention}


def _save(make: Any, folder: Path) -> None:
    with torch.device("meta"):
        module = make()
    module.to_empty(device="cpu")
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, values in module.state_dict().items():
            if values.is_floating_point():
                _fill(name, values, chance)
    module.save_pretrained(folder, max_shard_size="20GB")


def _fill(name: str, values: Any, chance: Any) -> None:
    """Give each layer as much to say as it hears; the last layers little, as the outputs divide by theirs."""
    edge = (3 / max(1, values[0].numel() if values.ndim > 1 else 3e4)) ** 0.5
    last = name.startswith(("out.", "clf."))
    values.uniform_(-edge, edge, generator=chance).mul_(0.1 if last else 1.0)
    if "norm" in name and name.endswith("weight"):
        values.add_(1)


def _text_encoder(shape: dict[str, int]) -> Any:
    words = {"bos_token_id": 4096, "eos_token_id": 4097, "pad_token_id": 4097}
    return CLIPTextModel(CLIPTextConfig(vocab_size=49408, max_position_embeddings=WORDS, **shape, **words))


def _lengthen(config: Path) -> None:
    """Have a tokenizer read as many tokens as the text encoders do."""
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_max_length": WORDS}))
