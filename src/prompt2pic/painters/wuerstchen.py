"""The painter of the Würstchen models (Pernias et al. 2023), over diffusers' modules."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from prompt2pic.core.errors import PaintFailed
from prompt2pic.core.ports import Model, Painted, PaintOrder, Step
from prompt2pic.painters.faults import paint_surely, painting_failed
from prompt2pic.painters.orders import finished, nearest_size, recipe_of, teller
from prompt2pic.painters.process import free_memory, import_libraries
from prompt2pic.painters.reading import shares_read
from prompt2pic.painters.wuerstchen_files import (
    Folders,
    find_checkpoint,
    folder_of,
    read_numbers,
    revision_of,
)
from prompt2pic.painters.wuerstchen_levels import Family, Recipe, family_of

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from prompt2pic.painters.wuerstchen_checkpoint import Checkpoint
    from prompt2pic.painters.wuerstchen_flow import Steps
    from prompt2pic.painters.wuerstchen_precision import Candidate

TRIAL = Recipe(name="trial", prior_steps=3, decoder_steps=3, sampler="ddim", guidance=4.0)
TRIAL_PROMPT = "a red apple on a blue background"
Tell: TypeAlias = Callable[[int, "Image | None"], None]  # the step, and a glance at the picture
QUICK_TRIAL = 2.0  # seconds under which a trial is repeated warm
_BATCH = 4  # pictures that a GPU paints at once
Seeds: TypeAlias = Sequence[tuple[int, int | None]]  # as `PaintOrder.seeds` yields them


class WuerstchenPainter:
    """Paints with the built-in model for an empty `source`, else with one from a folder or the model hub.

    `threads` is the number of CPU threads; None leaves it to what suits the model. `precision` is `fp32`, `bf16`,
    `int8` or `auto`: on a CPU the model is then timed in each, once, and the file `memory` keeps the verdict. `batch`
    is how many pictures of an order are painted at once; None is one on a CPU and some on a GPU.
    """

    def __init__(
        self,
        source: str = "",
        *,
        threads: int | None = None,
        precision: str = "auto",
        memory: Path | None = None,
        batch: int | None = None,
    ) -> None:
        self._source = source
        self._threads = threads
        self._precision = precision
        self._memory = memory
        self._batch = batch
        self._loaded: _Loaded | None = None

    def load(self, progress: Callable[[float, str], None]) -> Model:
        """Find the checkpoint, import the libraries, load the modules and announce them.

        Raises PaintFailed where one of these is missing or broken.
        """
        progress(0.0, "files")
        begun = 0.0

        def downloaded(share: float) -> None:
            nonlocal begun
            begun = 0.9 * share  # what follows takes seconds
            progress(begun, "download")

        folders = find_checkpoint(self._source, downloaded)

        def rest(fraction: float, what: str) -> None:
            progress(begun + (1 - begun) * fraction, what)

        family = family_of(read_numbers(folders)["resolution_multiple"])
        rest(0.1, "libraries")
        import_libraries("prompt2pic.painters.wuerstchen_flow")
        from prompt2pic.painters.wuerstchen_checkpoint import load_checkpoint

        device = _device(family, self._threads)
        candidate = self._candidate(folders, family, device, lambda: rest(0.2, "precision"))
        model = load_checkpoint(folders, device, candidate, rest)
        widened = partial(load_checkpoint, folders, device, _widest())
        self._loaded = _Loaded(_name_of(self._source), revision_of(folders), family, model, widened)
        rest(1.0, "ready")
        return _announcement(self._loaded)

    def _candidate(
        self, folders: Folders, family: Family, device: "torch.device", tell: Callable[[], None]
    ) -> "Candidate":
        """Return how the model will paint, telling of each trial."""
        from prompt2pic.painters.wuerstchen_checkpoint import load_denoiser
        from prompt2pic.painters.wuerstchen_precision import FP16, QUICK, Shape, choose

        if device.type != "cpu":
            return FP16 if family.half else QUICK

        def load(stage: str, candidate: "Candidate") -> object:
            tell()
            return load_denoiser(folders, stage, candidate)

        shape = Shape(family.trial, read_numbers(folders)["latent_dim_scale"])
        name = f"{self._source or 'built-in'} {revision_of(folders)}".strip()
        return choose(load, shape, name, self._memory, self._precision)

    def estimate(self) -> dict[str, float]:
        """Return the seconds of each level at the default size, reckoned from a few timed steps."""
        loaded = self._expect_loaded()
        trial = _try(loaded)
        if trial.seconds < QUICK_TRIAL:
            trial = _try(loaded)
        return {recipe.name: trial.reckon(recipe) for recipe in loaded.family.recipes}

    def paint(self, order: PaintOrder, on_step: Callable[[Step], None]) -> Iterator[Painted]:
        """Paint the order at the nearest announced size and resize each picture to the ordered one.

        What `on_step` raises stops the painting and passes through. Raises PaintFailed.
        """
        loaded = self._expect_loaded()
        recipe = recipe_of(order, loaded.family.recipes)
        seeds = list(order.seeds())
        size = self._batch or (1 if loaded.model.device.type == "cpu" else _BATCH)
        for start in range(0, order.count, size):
            yield from _paint_batch(loaded, order, recipe, start, seeds[start : start + size], on_step)

    def unload(self) -> None:
        """Free the modules, and what torch keeps for them on a GPU."""
        self._loaded = None
        free_memory()

    def _expect_loaded(self) -> "_Loaded":
        if self._loaded is None:
            raise PaintFailed("painter-not-loaded")
        return self._loaded


class _Loaded(NamedTuple):
    """A model at work; `widened` loads it once more, in fp32, telling how far it is."""

    name: str
    revision: str
    family: Family
    model: "Checkpoint"
    widened: "Callable[[Callable[[float, str], None]], Checkpoint]"

    def in_fp32(self, tell: Tell) -> "Callable[[], _Loaded] | None":
        """Return what loads it in fp32, None where it is so already.

        It tells of the first step over and over: a painter that is silent for so long would be taken for hung.
        """
        if self.model.candidate.precision == _widest().precision:
            return None
        return lambda: self._replace(model=self.widened(lambda fraction, what: tell(1, None)))


class _Trial(NamedTuple):
    """Seconds of a picture at TRIAL's steps, and of one step of prior and decoder."""

    seconds: float
    prior_step: float
    decoder_step: float

    def reckon(self, recipe: Recipe) -> float:
        """Return the seconds of a picture at another number of steps."""
        more_prior = (recipe.prior_steps - TRIAL.prior_steps) * self.prior_step
        return self.seconds + more_prior + (recipe.decoder_steps - TRIAL.decoder_steps) * self.decoder_step


def _name_of(source: str) -> str:
    if not source:
        return "wuerstchen"
    folder = folder_of(source)
    return f"wuerstchen:{folder.resolve().name if folder.is_dir() else source}"


def _announcement(loaded: _Loaded) -> Model:
    return Model(
        name=loaded.name,
        sizes=loaded.family.sizes,
        levels=tuple(recipe.level for recipe in loaded.family.recipes),
        languages=loaded.family.languages,
        device=f"{loaded.model.device.type}, {loaded.model.candidate.precision}",
        revision=loaded.revision,
    )


def _try(loaded: _Loaded) -> _Trial:
    width, height = loaded.family.sizes[0]
    order = PaintOrder(prompt=TRIAL_PROMPT, width=width, height=height)
    marks = [time.perf_counter()]
    seeds = [(0, None)]
    images = _paint(loaded, order, TRIAL, seeds, lambda step, seen: marks.append(time.perf_counter()))
    list(_finished(loaded, order, TRIAL, seeds, images))
    # The first step of a stage also reads the words: it counts in the whole, not in the step.
    first, prior_done, decoder_done = 1, TRIAL.prior_steps, TRIAL.steps
    return _Trial(
        seconds=time.perf_counter() - marks[0],
        prior_step=(marks[prior_done] - marks[first]) / (TRIAL.prior_steps - 1),
        decoder_step=(marks[decoder_done] - marks[prior_done + 1]) / (TRIAL.decoder_steps - 1),
    )


def _paint_batch(
    loaded: _Loaded,
    order: PaintOrder,
    recipe: Recipe,
    start: int,
    seeds: Seeds,
    on_step: Callable[[Step], None],
) -> Iterator[Painted]:
    """Paint an order's pictures from the `start`-th on at once, and in two parts where memory has no room for all."""
    tell = teller(on_step, start, recipe.steps, len(seeds))
    try:
        images = paint_surely(
            lambda model: _paint(model, order, recipe, seeds, tell), loaded, loaded.in_fp32(tell)
        )
    except PaintFailed as failed:
        if failed.key != "painter-out-of-memory" or len(seeds) == 1:
            raise
    else:
        yield from _finished(loaded, order, recipe, seeds, images)
        return
    free_memory()
    half = len(seeds) // 2
    yield from _paint_batch(loaded, order, recipe, start, seeds[:half], on_step)
    yield from _paint_batch(loaded, order, recipe, start + half, seeds[half:], on_step)


def _paint(loaded: _Loaded, order: PaintOrder, recipe: Recipe, seeds: Seeds, tell: Tell) -> "list[Image]":
    from prompt2pic.painters.wuerstchen_flow import Sketch, paint

    width, height = nearest_size((order.width, order.height), loaded.family.sizes)
    sketch = Sketch(
        prompt=order.words[0],
        negative=order.words[1],
        width=width,
        height=height,
        seeds=seeds,
        strength=order.strength or 0.0,
        recipe=recipe,
    )
    return [_image(pixels) for pixels in _drive(paint(loaded.model, sketch), tell)]


def _finished(
    loaded: _Loaded, order: PaintOrder, recipe: Recipe, seeds: Seeds, images: "list[Image]"
) -> Iterator[Painted]:
    """Hand out pictures one by one: each is a sign of life, and the largest take a second to encode."""
    # The prior alone decides what is seen: what the decoder does not read of a prompt is no loss.
    read = shares_read(loaded.model.prior.tokenizer, order)
    settings = _settings(loaded, recipe)
    for image, (seed, _) in zip(images, seeds, strict=True):
        yield finished(image, order, seed, settings, read)


def _settings(loaded: _Loaded, recipe: Recipe) -> dict[str, object]:
    return {
        "Steps": recipe.steps,
        "Sampler": recipe.sampler.upper(),
        "CFG scale": f"{recipe.guidance:g}",
        "Model": loaded.name,
        "Level": recipe.name,
        "Prior steps": recipe.prior_steps,
        "Decoder steps": recipe.decoder_steps,
    }


def _drive(painting: "Steps", tell: Tell) -> "torch.Tensor":
    """Run a painting to its end and return its pixels; `tell` is called while it rests, outside of `try`."""
    step = 0
    while True:
        seen, over = _advance(painting)
        if over:
            return seen
        step += 1
        tell(step, None if seen is None else _image(seen[0]))


def _advance(painting: "Steps") -> "tuple[torch.Tensor | None, bool]":
    """Take a painting to its next rest, or to its pixels and its end. Raises PaintFailed for what torch raises."""
    try:
        return next(painting), False
    except StopIteration as end:
        return end.value, True
    except (RuntimeError, MemoryError) as error:
        failed = painting_failed(error)
    # Here the error is gone, and with it its frames that held on to memory.
    free_memory()
    raise failed


def _image(pixels: "torch.Tensor") -> "Image":
    from PIL.Image import fromarray

    return fromarray((pixels.permute(1, 2, 0).float() * 255).round().byte().cpu().numpy())


def _widest() -> "Candidate":
    from prompt2pic.painters.wuerstchen_precision import FP32

    return FP32


def _device(family: Family, threads: int | None) -> "torch.device":
    import torch

    if threads or family.threads:
        torch.set_num_threads(threads or family.threads)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
