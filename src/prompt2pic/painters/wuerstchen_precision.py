"""In which precision, and by whose blocks, this CPU paints a model fastest.

CPUs differ: bfloat16 is twice as fast as fp32 on one and half as fast on another. So the candidates are timed once on
the model's own modules, against fp32, and the verdict is kept for this machine, this torch and this model.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.faults import painting_failed
from prompt2pic.painters.int8 import has_vnni, in_int8
from prompt2pic.painters.modules import exchange
from prompt2pic.painters.packed import pack
from prompt2pic.painters.process import free_memory
from prompt2pic.painters.wuerstchen_blocks import Linear
from prompt2pic.painters.wuerstchen_quick import quicken

LARGEST_ERROR = 0.05  # root mean square of the difference to fp32's noise, by that of the noise
# Times as fast as the one before: for less neither an error nor a wavering verdict is worth it.
LEAST_GAIN = 1.1
_BLOCKS = 3  # raised when ours change, so that verdicts are found anew
_TIMES = 2
_WORDS = 16  # tokens
_TIME = 0.37  # which takes more digits than bf16 has


class Candidate(NamedTuple):
    """A precision, whether the blocks are ours, and whether their linear layers work in 8 bits."""

    name: str
    dtype: torch.dtype
    quick: bool = True
    int8: bool = False

    @property
    def precision(self) -> str:
        """The precision alone, as it is announced and set."""
        return self.name.split()[0]

    def put(self, module: Any) -> Any:
        """Return what a loaded module becomes to work so; the module itself is used up."""
        if not self.quick:
            return module
        on_cpu = module.device.type == "cpu"
        module = quicken(module)
        if self.int8:
            _narrow(module)
        if on_cpu:
            # diffusers' own `to` warns of parts to be kept in fp32: there are none.
            torch.nn.Module.to(module, memory_format=torch.channels_last)
            pack(module)
        return module


FP32 = Candidate("fp32", torch.float32, quick=False)
QUICK = Candidate("fp32 quick", torch.float32)
FP16 = Candidate("fp16", torch.float16)
CANDIDATES = {
    candidate.name: candidate
    for candidate in (
        FP32,
        QUICK,
        Candidate("bf16 quick", torch.bfloat16),
        Candidate("int8 quick", torch.bfloat16, int8=True),
    )
}
_VERDICTS: dict[str, str] = {}  # of this process, where there is no file for them
Load = Callable[[str, Candidate], Any]  # (`prior` or `decoder`, candidate) -> the denoiser, put


class Shape(NamedTuple):
    """The size of a trial's picture: semantic latents a side, and the decoder's latents to one of those."""

    side: int
    scale: float


class Trial(NamedTuple):
    """How a candidate did: seconds of a step of each denoiser together, and the larger of their errors."""

    seconds: float
    error: float


def choose(load: Load, shape: Shape, name: str, memory: Path | None, wanted: str = "auto") -> Candidate:
    """Return the fastest candidate whose error is within bounds; read from, and kept in, the file `memory`.

    Without a file it is kept while this process lives. A `wanted` precision other than `auto` is taken untried.
    Raises PaintFailed where this CPU does not have it.
    """
    offered = _offered()
    if wanted != "auto":
        meant = [one for one in offered.values() if one.precision == wanted]
        if not meant:
            raise PaintFailed("precision-not-here", precision=wanted)
        return meant[-1]
    key = f"{_cpu()}, torch {torch.__version__}, blocks {_BLOCKS}, {torch.get_num_threads()} threads, {name}"
    known = _read(memory)
    if known.get(key) not in offered:
        found = verdict(measured(load, shape))
        known = _read(memory)
        if known.get(key) not in offered:  # else another worker was faster, and all shall paint alike
            known = known | {key: found}
            _write(memory, known)
    return offered[known[key]]


def verdict(trials: dict[str, Trial]) -> str:
    """Return the name of the candidate to paint with: each must gain on the one before it, which is more precise."""
    best = FP32.name
    for name, trial in trials.items():
        if trial.error <= LARGEST_ERROR and trials[best].seconds >= LEAST_GAIN * trial.seconds:
            best = name
    return best


@torch.inference_mode()
def measured(load: Load, shape: Shape) -> dict[str, Trial]:
    """Time one step of both denoisers for each candidate. No more than one of them is in memory at a time.

    One that fails is never right. Raises PaintFailed where fp32 fails.
    """
    offered = _offered()
    trials = dict.fromkeys(offered, Trial(0.0, 0.0))
    for stage in ("prior", "decoder"):
        right = None
        for candidate in offered.values():
            free_memory()  # of the one before
            try:
                noise, seconds = _timed(load(stage, candidate), shape, candidate)
            except (PaintFailed, RuntimeError, MemoryError) as error:
                if candidate is FP32:
                    raise (error if isinstance(error, PaintFailed) else painting_failed(error)) from None
                trials[candidate.name] = Trial(float("inf"), float("inf"))
                continue
            right = noise if right is None else right
            off = float((noise - right).square().mean().sqrt() / right.square().mean().sqrt())
            # What is no number is no small error.
            worst = max(trials[candidate.name].error, off if off == off else float("inf"))
            trials[candidate.name] = Trial(trials[candidate.name].seconds + seconds, worst)
    return trials


def _offered() -> dict[str, Candidate]:
    """Return the candidates that this CPU has instructions for."""
    vnni = has_vnni(_flags())
    return {name: candidate for name, candidate in CANDIDATES.items() if vnni or not candidate.int8}


def _narrow(module: torch.nn.Module) -> None:
    """Have the blocks' linear layers, which are nearly all of the work, work in 8 bits."""
    exchange(module, lambda layer: in_int8(layer) if isinstance(layer, Linear) else layer)


def inputs(denoiser: Any, shape: Shape, count: int = 1) -> list[Tensor]:
    """Return what a denoiser is given in a step, in fp32: noise, time, and words, which are noise, too.

    `count` is the number of pictures at once.
    """
    chance = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=chance)

    config, now, side = denoiser.config, torch.full((count,), _TIME), shape.side
    if "effnet_embd" not in config:
        return [noise(config.c_in, side, side), now, noise(_WORDS, config.c_cond)]
    latents = noise(config.c_in, *[int(side * shape.scale)] * 2)
    return [latents, now, noise(config.effnet_embd, side, side), noise(_WORDS, config.clip_embd)]


def as_given(values: list[Tensor], candidate: Candidate) -> list[Tensor]:
    """Return a step's inputs as a candidate takes them: time stays in fp32."""
    return [value if value.ndim == 1 else value.to(candidate.dtype) for value in values]


def _timed(module: Any, shape: Shape, candidate: Candidate) -> tuple[Tensor, float]:
    """Return the noise, in fp32, and the seconds of the faster of some runs after a first one."""
    given = as_given(inputs(module, shape), candidate)
    marks = []
    for _ in range(1 + _TIMES):
        begun = time.perf_counter()
        noise = module(*given)
        marks.append(time.perf_counter() - begun)
    return noise.float(), min(marks[1:])


def _cpu() -> str:
    return _told("model name") or platform.processor() or platform.machine()


def _flags() -> frozenset[str]:
    return frozenset(_told("flags").split())


def _told(what: str) -> str:
    """Return what the kernel tells of this CPU, nothing where it does not."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith(what):
                return line.partition(":")[2].strip()
    return ""


def _read(memory: Path | None) -> dict[str, str]:
    if memory is None:
        return _VERDICTS
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if isinstance(value, str)}


def _write(memory: Path | None, known: dict[str, str]) -> None:
    """Keep the verdicts; where they can not be kept they are found anew at the next start."""
    if memory is None:
        _VERDICTS.update(known)
        return
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft = memory.with_suffix(f".{os.getpid()}")  # workers write at the same time
        draft.write_text(json.dumps(known, indent=1), "utf-8")
        draft.replace(memory)
