"""Loads one module of a checkpoint in the layout of diffusers: safetensors only, complete, of the right kind.

And has other layers do the work of some of its layers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.models.modeling_utils import no_init_weights
from diffusers.utils import logging as diffusers_logging
from safetensors import safe_open
from transformers import CLIPTokenizer
from transformers.utils import logging as transformers_logging

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.faults import is_out_of_memory
from prompt2pic.painters.process import free_memory
from prompt2pic.painters.wuerstchen_files import first_line, read_json

_DIFFUSERS_FILE = "diffusion_pytorch_model.safetensors"
_BATCH = 64  # tensors


def load_module(folder: Path, kind: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Return the module of a folder where it will work.

    Raises PaintFailed where a file is missing, broken, too large for memory or of another model.
    """
    _check_architecture(folder, kind.__name__)
    with broken_files(folder):
        module, report = kind.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    _check_complete(folder, report)
    with broken_files(folder):
        return module.to(device).eval()


def load_leanly(folder: Path, kind: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Return a module of diffusers as `load_module` does, with little more in memory than the module itself.

    diffusers holds the whole file in memory beside it. Raises PaintFailed.
    """
    file = folder / _DIFFUSERS_FILE
    if not file.is_file():  # in parts, or missing, which is told there
        return load_module(folder, kind, device, dtype)
    _check_architecture(folder, kind.__name__)
    with broken_files(folder):
        with torch.device("meta"), no_init_weights():
            module = kind.from_config(kind.load_config(folder))
        wanted = sorted(module.state_dict())
        with safe_open(file, "pt") as opened:
            missing = sorted(set(wanted) - set(opened.keys()))
        _check_complete(folder, {"missing_keys": missing, "mismatched_keys": []})
        for names in _batches(wanted):
            # Opened anew for each batch: pages of the file that were read stay in memory while it is open.
            with safe_open(file, "pt") as opened:
                values = {name: opened.get_tensor(name).to(device, dtype, copy=True) for name in names}
            module.load_state_dict(values, strict=False, assign=True)
        return module.eval()


def _batches(names: list[str]) -> Iterator[list[str]]:
    yield from (names[start : start + _BATCH] for start in range(0, len(names), _BATCH))


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a folder. Raises PaintFailed where a file is missing or broken."""
    read_json(folder / "tokenizer_config.json")
    vocabulary = [folder / name for name in ("tokenizer.json", "vocab.json")]
    if not any(path.is_file() for path in vocabulary):  # transformers would make an empty one without a word
        raise PaintFailed("model-file-missing", path=str(vocabulary[0]))
    with broken_files(folder):
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
def broken_files(path: Path) -> Iterator[None]:
    """Turn whatever the libraries raise over a file into PaintFailed, and give back what was loaded by then."""
    try:
        yield
    except PaintFailed:
        raise
    except Exception as error:  # a broken file makes these libraries raise nearly anything
        failed = _unreadable(path, error)
    else:
        return
    # Here the error is gone, and with it its frames that held on to half a model.
    free_memory()
    raise failed


def _unreadable(path: Path, error: Exception) -> PaintFailed:
    if is_out_of_memory(error):
        files = [path] if path.is_file() else path.glob("*.safetensors")
        gigabytes = sum(file.stat().st_size for file in files) / 1e9
        return PaintFailed("model-out-of-memory", path=str(path), gigabytes=round(gigabytes, 1))
    return PaintFailed("model-file-broken", path=str(path), reason=first_line(error))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' progress bars and hints out of the worker's output while loading."""
    logs = (transformers_logging, diffusers_logging)
    before = [(log.is_progress_bar_enabled(), log.get_verbosity()) for log in logs]
    for log in logs:
        log.disable_progress_bar()
        log.set_verbosity_error()
    try:
        yield
    finally:
        for log, (bars, verbosity) in zip(logs, before, strict=True):
            log.set_verbosity(verbosity)
            if bars:
                log.enable_progress_bar()


def exchange(module: Any, make: Callable[[Any], Any]) -> None:
    """Have what `make` makes of each layer in a module, which may be the layer itself, in its place."""
    for parent in list(module.modules()):
        for name, layer in list(parent.named_children()):
            setattr(parent, name, make(layer))
