"""A Stable Diffusion of the published shape with tiny random weights, as a folder and as one original file."""

import json
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from tests.tiny_wuerstchen import shake, text_encoder

WIDTHS = (16, 16, 16, 16)
PACKAGE = Path(str(resources.files("prompt2pic"))) / "models"


def save_tiny_stable_diffusion(folder: Path) -> Path:
    """Write the published folders, in the names that weights have there, and return `folder`."""
    import torch
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    for name, module in {"unet": _unet(), "vae": _vae(), "text_encoder": text_encoder(32, 32)}.items():
        shake(module)
        module.save_pretrained(folder / name)
    for name, old in {
        "vae/diffusion_pytorch_model": _old_attention,
        "text_encoder/model": _old_words,
    }.items():
        file = folder / f"{name}.safetensors"
        save_file({old(key): value for key, value in load_file(file).items()}, file, {"format": "pt"})
    shutil.copytree(PACKAGE / "sd15" / "scheduler", folder / "scheduler")
    shutil.copytree(PACKAGE / "builtin" / "decoder" / "tokenizer", folder / "tokenizer")
    shutil.copy(PACKAGE / "sd15" / "model_index.json", folder)
    return folder


def save_as_one_file(folder: Path, file: Path) -> Path:
    """Write the model of a folder as one file of the original layout, its shapes in a folder beside it."""
    from safetensors.torch import load_file, save_file

    weights = {}
    for name, beginning, original in (
        ("unet/diffusion_pytorch_model", "model.diffusion_model.", original_unet),
        ("vae/diffusion_pytorch_model", "first_stage_model.", original_vae),
        ("text_encoder/model", "cond_stage_model.transformer.", str),
    ):
        for key, value in load_file(folder / f"{name}.safetensors").items():
            renamed = original(key)
            conv = name.startswith("vae") and re.search(r"attn_1\.(q|k|v|proj_out)\.weight", renamed)
            weights[beginning + renamed] = value[:, :, None, None].clone() if conv else value
    save_file(weights, file)
    beside = file.with_suffix("")
    for config in folder.rglob("*.json"):
        (beside / config.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(config, beside / config.relative_to(folder))
    return file


def original_unet(key: str) -> str:
    """Return what a weight of the UNet is called in the original layout."""
    names = {"conv_in.": "input_blocks.0.0.", "conv_norm_out.": "out.0.", "conv_out.": "out.2."}
    names |= {"time_embedding.linear_1.": "time_embed.0.", "time_embedding.linear_2.": "time_embed.2."}
    for new, old in names.items():
        if key.startswith(new):
            return old + key.removeprefix(new)
    where, rest = re.fullmatch(r"(\w+_blocks?(?:\.\d+)?\.\w+\.\d+)\.(.*)", key).groups()  # type: ignore[union-attr]
    if "downsamplers" in where:
        rest = rest.replace("conv.", "op.")
    return f"{_original_block(where)}.{_original_resnet(rest)}"


def _original_block(where: str) -> str:
    part, *numbers = re.sub(r"\D+", " ", where).split() or ["0"]
    number = int(numbers[-1]) if numbers else int(part)
    if where.startswith("mid_block"):
        return "middle_block.1" if "attentions" in where else f"middle_block.{2 * int(part)}"
    block = int(part)
    if where.startswith("down_blocks"):
        if "downsamplers" in where:
            return f"input_blocks.{3 * block + 3}.0"
        return f"input_blocks.{3 * block + number + 1}.{int('attentions' in where)}"
    if "upsamplers" in where:
        return f"output_blocks.{3 * block + 2}.{1 if block == 0 else 2}"
    return f"output_blocks.{3 * block + number}.{int('attentions' in where)}"


def _original_resnet(rest: str) -> str:
    names = {"norm1.": "in_layers.0.", "conv1.": "in_layers.2.", "norm2.": "out_layers.0."}
    names |= {
        "conv2.": "out_layers.3.",
        "time_emb_proj.": "emb_layers.1.",
        "conv_shortcut.": "skip_connection.",
    }
    for new, old in names.items():
        if rest.startswith(new):
            return old + rest.removeprefix(new)
    return rest


def original_vae(key: str) -> str:
    """Return what a weight of the autoencoder is called in the original layout."""
    names = {"query.": "q.", "key.": "k.", "value.": "v.", "proj_attn.": "proj_out.", "group_norm.": "norm."}
    names |= {
        "conv_shortcut.": "nin_shortcut.",
        "conv_norm_out.": "norm_out.",
        "downsamplers.0.": "downsample.",
    }
    names |= {"upsamplers.0.": "upsample.", "mid_block.attentions.0.": "mid.attn_1."}
    for new, old in names.items():
        key = key.replace(new, old)
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", key)
    key = re.sub(r"up_blocks\.(\d)", lambda found: f"up.{len(WIDTHS) - 1 - int(found[1])}", key)
    return re.sub(r"down_blocks\.(\d)", r"down.\1", key).replace(".resnets.", ".block.")


def _old_attention(key: str) -> str:
    for new, old in {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}.items():
        key = key.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return key


def _old_words(key: str) -> str:
    return key if key.startswith("text_model.") else f"text_model.{key}"


def _unet() -> Any:
    from diffusers import UNet2DConditionModel

    shape = json.loads((PACKAGE / "sd15" / "unet" / "config.json").read_text())
    tiny = {"block_out_channels": WIDTHS, "cross_attention_dim": 32, "norm_num_groups": 4, "sample_size": 32}
    return UNet2DConditionModel.from_config({**shape, **tiny, "attention_head_dim": 4})


def _vae() -> Any:
    from diffusers import AutoencoderKL

    shape = json.loads((PACKAGE / "sd15" / "vae" / "config.json").read_text())
    tiny = {"block_out_channels": (8, 8, 16, 16), "norm_num_groups": 4, "layers_per_block": 1}
    return AutoencoderKL.from_config({**shape, **tiny})
