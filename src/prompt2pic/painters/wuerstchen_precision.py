"""In which precision, and in which order of a picture's numbers in memory, this CPU paints a model fastest.

CPUs differ: bfloat16 is twice as fast as fp32 on one and half as fast on another. So the candidates are timed once on
the model's own modules, against fp32, and the verdict is kept for this machine, this torch and this model.
"""

import copy
import json
import platform
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prompt2pic.painters.wuerstchen_checkpoint import Checkpoint

LARGEST_ERROR = 0.05  # root mean square of the difference to fp32's noise, by that of the noise
LEAST_GAIN = 1.1  # times as fast as fp32: for less it is not worth an error
_SIDE = 12  # semantic latents of the trial: the ratio is that of larger ones, in a fraction of the time
_TIMES = 2
_WORDS = 16  # tokens


class Candidate(NamedTuple):
    """A precision and a layout."""

    name: str
    dtype: torch.dtype
    layout: torch.memory_format


FP32 = Candidate("fp32", torch.float32, torch.contiguous_format)
CANDIDATES = {
    candidate.name: candidate
    for candidate in (
        FP32,
        Candidate("fp32 channels_last", torch.float32, torch.channels_last),
        Candidate("bf16", torch.bfloat16, torch.contiguous_format),
        Candidate("bf16 channels_last", torch.bfloat16, torch.channels_last),
    )
}


class Trial(NamedTuple):
    """How a candidate did: seconds of a step of each denoiser together, and the larger of their errors."""

    seconds: float
    error: float


def choose(model: Checkpoint, name: str, memory: Path | None) -> Candidate:
    """Return the fastest candidate whose error is within bounds; read from, and kept in, the file `memory`."""
    key = f"{_cpu()}, torch {torch.__version__}, {torch.get_num_threads()} threads, {name}"
    known = _read(memory)
    if known.get(key) not in CANDIDATES:
        known[key] = verdict(measured(model))
        _write(memory, known)
    return CANDIDATES[known[key]]


def verdict(trials: dict[str, Trial]) -> str:
    """Return the name of the candidate to paint with."""
    usual = trials[FP32.name].seconds
    good = {
        name: trial.seconds
        for name, trial in trials.items()
        if trial.error <= LARGEST_ERROR and usual >= LEAST_GAIN * trial.seconds
    }
    return min(good, key=lambda name: good[name]) if good else FP32.name


def put(model: Checkpoint, candidate: Candidate) -> Checkpoint:
    """Return the model as a candidate has it; its modules are changed in place."""
    stages = (model.prior, model.decoder)
    for module in (model.vqgan, *(part for s in stages for part in (s.text_encoder, s.denoiser))):
        _change(module, candidate)
    return replace(model, dtype=candidate.dtype)


@torch.inference_mode()
def measured(model: Checkpoint) -> dict[str, Trial]:
    """Time one step of both denoisers for each candidate. The model, in fp32, stays as it is."""
    trials = dict.fromkeys(CANDIDATES, Trial(0.0, 0.0))
    for module, inputs in _steps(model):
        right, _ = _timed(module, inputs, FP32)
        for name, candidate in CANDIDATES.items():
            noise, seconds = _timed(_change(copy.deepcopy(module), candidate), inputs, candidate)
            error = float((noise - right).square().mean().sqrt() / right.square().mean().sqrt())
            # What is no number is no small error.
            worst = max(trials[name].error, error if error == error else float("inf"))
            trials[name] = Trial(trials[name].seconds + seconds, worst)
    return trials


def _change(module: Any, candidate: Candidate) -> Any:
    """Have a module as a candidate has it. diffusers' own `to` warns of parts to be kept in fp32: there are none."""
    return torch.nn.Module.to(module, dtype=candidate.dtype, memory_format=candidate.layout)


def _steps(model: Checkpoint) -> Iterator[tuple[Any, list[Tensor]]]:
    """Return each denoiser with what it is given in a step: noise, time, and words, which are noise, too."""
    chance = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=chance)

    def words(stage: Any) -> Tensor:
        return noise(1, _WORDS, stage.text_encoder.config.hidden_size)

    prior, decoder, time_of = model.prior.denoiser, model.decoder.denoiser, torch.full((1,), 0.5)
    semantic = noise(1, prior.config.c_in, _SIDE, _SIDE)
    yield prior, [semantic, time_of, words(model.prior)]
    side = int(_SIDE * model.latent_dim_scale)
    yield decoder, [noise(1, decoder.config.c_in, side, side), time_of, semantic, words(model.decoder)]


def _timed(module: Any, inputs: list[Tensor], candidate: Candidate) -> tuple[Tensor, float]:
    """Return the noise, in fp32, and the seconds of the faster of some runs after a first one."""
    given = [value.to(candidate.dtype) for value in inputs]
    marks = []
    for _ in range(1 + _TIMES):
        begun = time.perf_counter()
        noise = module(*given)
        marks.append(time.perf_counter() - begun)
    return noise.float(), min(marks[1:])


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(memory: Path | None) -> dict[str, str]:
    if memory is None:
        return {}
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path | None, known: dict[str, str]) -> None:
    """Keep the verdicts; where they can not be kept they are found anew at the next start."""
    if memory is not None:
        with suppress(OSError):
            memory.parent.mkdir(parents=True, exist_ok=True)
            draft = memory.with_suffix(".part")
            draft.write_text(json.dumps(known, indent=1), "utf-8")
            draft.replace(memory)
