"""Loads the modules of a Würstchen checkpoint one by one.

The deprecated pipelines of diffusers are not used: they can not load the published checkpoints any more.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.faults import is_out_of_memory
from prompt2pic.painters.wuerstchen_files import Folders, first_line, read_floats, read_json, read_numbers
from prompt2pic.painters.wuerstchen_sampler import Schedule

Progress = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A denoising model with the text encoder that guides it, and its schedule."""

    tokenizer: Any  # transformers' tokenizers and diffusers' models carry no useful types
    text_encoder: Any
    denoiser: Any
    schedule: Schedule


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A loaded model: prior (stage C), decoder (stage B), `vqgan` (stage A), and how their latents relate.

    One semantic latent covers `resolution_multiple` pixels and `latent_dim_scale` latents of the decoder. The
    decoder reads the prior's latents times `latent_mean` minus `latent_std`.
    """

    prior: Stage
    decoder: Stage
    vqgan: Any
    latent_mean: float
    latent_std: float
    resolution_multiple: float
    latent_dim_scale: float
    device: torch.device
    dtype: torch.dtype


def load_checkpoint(
    folders: Folders, device: torch.device, dtype: torch.dtype, progress: Progress
) -> Checkpoint:
    """Load all modules of a checkpoint, telling `progress(fraction, what)`.

    Raises PaintFailed where a file is missing, broken or of another model.
    """
    put = _Put(device, dtype)
    with _quiet():
        progress(0.4, "prior")
        prior = put.stage(folders.prior, "prior", WuerstchenPrior)
        progress(0.7, "decoder")
        decoder = put.stage(folders.decoder, "decoder", WuerstchenDiffNeXt)
        progress(0.9, "vqgan")
        vqgan = put.module(folders.decoder / "vqgan", PaellaVQModel)
    return Checkpoint(
        prior=prior, decoder=decoder, vqgan=vqgan, device=device, dtype=dtype, **read_numbers(folders)
    )


@dataclass(frozen=True)
class _Put:
    """Loads modules and puts them where they will work."""

    device: torch.device
    dtype: torch.dtype

    def stage(self, folder: Path, name: str, kind: Any) -> Stage:
        return Stage(
            tokenizer=_tokenizer(folder / "tokenizer"),
            text_encoder=self.module(folder / "text_encoder", CLIPTextModel),
            denoiser=self.module(folder / name, kind),
            schedule=Schedule(
                **read_floats(folder / "scheduler" / "scheduler_config.json", s=0.008, scaler=1.0)
            ),
        )

    def module(self, folder: Path, kind: Any) -> Any:
        _check_architecture(folder, kind.__name__)
        with _broken_files(folder):
            module, report = kind.from_pretrained(
                str(folder),
                dtype=self.dtype,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
            module = module.to(self.device).eval()
        _check_complete(folder, report)
        return module


def _tokenizer(folder: Path) -> Any:
    read_json(folder / "tokenizer_config.json")
    vocabulary = [folder / name for name in ("tokenizer.json", "vocab.json")]
    if not any(path.is_file() for path in vocabulary):  # transformers would make an empty one without a word
        raise PaintFailed("model-file-missing", path=str(vocabulary[0]))
    with _broken_files(folder):
        return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _check_architecture(folder: Path, wanted: str) -> None:
    config = read_json(folder / "config.json")
    found = [config["_class_name"]] if "_class_name" in config else config.get("architectures") or ["?"]
    if not str(found[0]).startswith(wanted):  # CLIPTextModelWithProjection holds a CLIPTextModel
        raise PaintFailed("model-wrong-architecture", path=str(folder), found=str(found[0]), wanted=wanted)


def _check_complete(folder: Path, report: dict[str, Any]) -> None:
    lacking = [*report["missing_keys"], *report["mismatched_keys"]]
    if lacking:
        raise PaintFailed("model-file-broken", path=str(folder), reason=f"no usable {lacking[0]}")


@contextmanager
def _broken_files(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a broken file makes these libraries raise nearly anything
        raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: Exception) -> PaintFailed:
    if is_out_of_memory(error):
        gigabytes = sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e9
        return PaintFailed("model-out-of-memory", path=str(folder), gigabytes=round(gigabytes, 1))
    return PaintFailed("model-file-broken", path=str(folder), reason=first_line(error))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' progress bars out of the worker's output while loading."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
