"""Loads the modules of a Würstchen checkpoint one by one.

The deprecated pipelines of diffusers are not used: they can not load the published checkpoints any more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior
from transformers import CLIPTextModel

from prompt2pic.painters.modules import broken_files, load_leanly, load_module, load_tokenizer, quiet
from prompt2pic.painters.wuerstchen_files import Folders, read_floats, read_numbers
from prompt2pic.painters.wuerstchen_precision import Candidate
from prompt2pic.painters.wuerstchen_sampler import Schedule

Progress = Callable[[float, str], None]
_DENOISERS = {"prior": WuerstchenPrior, "decoder": WuerstchenDiffNeXt}


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
    candidate: Candidate

    @property
    def dtype(self) -> torch.dtype:
        """The precision of what the modules are given."""
        return self.candidate.dtype


def load_checkpoint(
    folders: Folders, device: torch.device, candidate: Candidate, progress: Progress
) -> Checkpoint:
    """Load all modules of a checkpoint, telling `progress(fraction, what)`.

    Raises PaintFailed where a file is missing, broken or of another model.
    """
    put = _Put(device, candidate)
    with quiet():
        progress(0.4, "prior")
        prior = put.stage(folders, "prior")
        progress(0.7, "decoder")
        decoder = put.stage(folders, "decoder")
        progress(0.9, "vqgan")
        vqgan = put.module(folders.decoder / "vqgan", PaellaVQModel)
    return Checkpoint(
        prior=prior,
        decoder=decoder,
        vqgan=vqgan,
        device=device,
        candidate=candidate,
        **read_numbers(folders),
    )


def load_denoiser(folders: Folders, name: str, candidate: Candidate) -> Any:
    """Load the denoiser of the `prior` or the `decoder` alone, for a CPU. Raises PaintFailed."""
    with quiet():
        return _Put(torch.device("cpu"), candidate).denoiser(folders, name)


@dataclass(frozen=True)
class _Put:
    """Loads modules and puts them where they will work."""

    device: torch.device
    candidate: Candidate

    def stage(self, folders: Folders, name: str) -> Stage:
        folder = getattr(folders, name)
        return Stage(
            tokenizer=load_tokenizer(folder / "tokenizer"),
            text_encoder=self.module(folder / "text_encoder", CLIPTextModel),
            denoiser=self.denoiser(folders, name),
            schedule=Schedule(
                **read_floats(folder / "scheduler" / "scheduler_config.json", s=0.008, scaler=1.0)
            ),
        )

    def denoiser(self, folders: Folders, name: str) -> Any:
        return self.module(getattr(folders, name) / name, _DENOISERS[name])

    def module(self, folder: Path, kind: Any) -> Any:
        load = load_module if kind is CLIPTextModel else load_leanly
        module = load(folder, kind, self.device, self.candidate.dtype)
        with broken_files(folder):
            return self.candidate.put(module)
