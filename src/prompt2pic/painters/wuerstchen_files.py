"""Finds the files of a Würstchen checkpoint: in this package, a folder, on the model hub; without torch."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.hub import Tell, commit_of, fetch_all, on_hub

HUB_FILES = (
    "model_index.json",
    "*/config.json",
    "scheduler/*.json",
    "tokenizer/*",
    "*/model.safetensors",
    "*/diffusion_pytorch_model.safetensors",
)


@dataclass(frozen=True)
class Folders:
    """Where the two halves of a checkpoint lie on disk."""

    prior: Path
    decoder: Path


def find_checkpoint(source: str, tell: Tell = lambda share: None) -> Folders:
    """Return the folders of a checkpoint: built in for an empty source, else a folder or a name on the hub.

    A folder has the subfolders `prior` and `decoder`. The prior of `owner/name` is `owner/name-prior`; what
    the local cache lacks is downloaded, telling the share of it that is there. `owner/name@REVISION` is a commit,
    tag or branch of both, `owner/name@REVISION,PRIOR` one of each; without it, the main branch. Raises PaintFailed.
    """
    if not source:
        return _in_folder(Path(str(resources.files("prompt2pic"))) / "models" / "builtin")
    folder = folder_of(source)
    if folder.is_dir():
        return _in_folder(folder)
    named = on_hub(source)
    if named is None:
        raise PaintFailed("model-not-found", source=source)
    name, revision, prior = named
    halves = [(f"{name}-prior", prior or revision), (name, revision)]
    return Folders(*fetch_all(halves, HUB_FILES, tell))


def revision_of(folders: Folders) -> str:
    """Return the commits of both halves as `find_checkpoint` takes them after the `@`; empty for no hub's."""
    return ",".join(filter(None, (commit_of(folders.decoder), commit_of(folders.prior))))


def folder_of(source: str) -> Path:
    """Return the folder that a source may mean; `~/` is the home, another `~` stays as it is."""
    return Path(source).expanduser() if source.startswith("~/") else Path(source)


def read_numbers(folders: Folders) -> dict[str, float]:
    """Return how the latents relate, from `model_index.json`; diffusers' defaults where it is silent.

    Raises PaintFailed where a folder is no checkpoint.
    """
    prior, decoder = folders.prior / "model_index.json", folders.decoder / "model_index.json"
    return {
        **read_floats(prior, latent_mean=42.0, latent_std=1.0, resolution_multiple=42.67),
        **read_floats(decoder, latent_dim_scale=10.67),
    }


def read_floats(path: Path, **defaults: float) -> dict[str, float]:
    """Return the named numbers of a JSON object in a file. Raises PaintFailed where one is none."""
    config = read_json(path)
    try:
        return {name: float(config.get(name, default)) for name, default in defaults.items()}
    except (TypeError, ValueError) as error:
        raise PaintFailed("model-file-broken", path=str(path), reason=first_line(error)) from None


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file of a checkpoint. Raises PaintFailed where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise PaintFailed("model-file-missing", path=str(path)) from None
    except (OSError, ValueError) as error:
        raise PaintFailed("model-file-broken", path=str(path), reason=first_line(error)) from None
    if not isinstance(value, dict):
        raise PaintFailed("model-file-broken", path=str(path), reason="not a JSON object")
    return value


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its name where it has none; at most 200 characters."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _in_folder(folder: Path) -> Folders:
    return Folders(folder / "prior", folder / "decoder")
