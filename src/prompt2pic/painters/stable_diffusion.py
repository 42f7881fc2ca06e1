"""The painter of Stable Diffusion 1.5 and its descendants (Rombach et al. 2022), over diffusers' own pipeline."""

import importlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from prompt2pic.core.errors import PaintFailed
from prompt2pic.core.ports import Level, Model, Painted, PaintOrder, Step
from prompt2pic.painters.faults import paint_surely, painting_failed
from prompt2pic.painters.hub import Tell, commit_of, fetch, on_hub
from prompt2pic.painters.orders import Size, finished, nearest_size, recipe_of, teller
from prompt2pic.painters.process import free_memory, import_libraries
from prompt2pic.painters.reading import shares_read
from prompt2pic.painters.wuerstchen_files import folder_of, read_json

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

FILES = (
    "model_index.json",
    "*/config.json",
    "scheduler/*.json",
    "tokenizer/*",
    "text_encoder/model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)
WORDS = "openai/clip-vit-large-patch14"  # whose tokenizer the family shares; a single file holds none
WORD_FILES = ("tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
ORIGINAL = {  # the beginnings of names in a single file of the original layout, and what is under them
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.",
}
SIDES = range(256, 1024 + 1, 64)  # pixels
PIXELS_OF_A_LATENT = 8  # a side
TRIAL_STEPS = 3
GLANCE_EVERY = 2  # steps


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a level paints: denoising steps, the sampler by its usual name, guidance scale."""

    name: str
    steps: int
    sampler: str
    guidance: float = 7.5

    @property
    def level(self) -> Level:
        """The level as it is announced."""
        return Level(name=self.name, steps=self.steps)


# A sampler's class in diffusers, and its options: UniPC (Zhao et al. 2023), DPM-Solver++ (Lu et al. 2022).
SAMPLERS: dict[str, tuple[str, dict[str, object]]] = {
    "UniPC": ("UniPCMultistepScheduler", {}),
    "DPM++ 2M Karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True},
    ),
}
RECIPES = (
    Recipe(name="fast", steps=10, sampler="UniPC"),
    Recipe(name="balanced", steps=20, sampler="DPM++ 2M Karras"),
    Recipe(name="best", steps=30, sampler="DPM++ 2M Karras"),
)


class StableDiffusionPainter:
    """Paints with a model from the hub, a folder of diffusers' layout or one safetensors file.

    `threads` is the number of CPU threads; None leaves it to torch.
    """

    def __init__(self, source: str, *, threads: int | None = None) -> None:
        self._source = source
        self._threads = threads
        self._loaded: _Loaded | None = None

    def load(self, progress: Callable[[float, str], None]) -> Model:
        """Find the files, import the libraries, load the modules and announce them.

        Raises PaintFailed where one of these is missing or broken.
        """
        progress(0.0, "files")
        place = _find(self._source, lambda share: progress(0.1 * share, "download"))
        progress(0.1, "libraries")
        import_libraries("prompt2pic.painters.modules", "prompt2pic.painters.noise")
        progress(0.4, "model")
        pipeline = _load(place, self._threads)
        progress(0.9, "preview")
        name, sizes, schedule = f"sd:{_name_of(self._source)}", _sizes(pipeline), pipeline.scheduler.config
        self._loaded = _Loaded(name, place, pipeline, sizes, _colours(pipeline.vae), schedule)
        progress(1.0, "ready")
        return self._loaded.announcement()

    def estimate(self) -> dict[str, float]:
        """Return the seconds of each level at the default size, reckoned from a few timed steps."""
        loaded = self._expect_loaded()
        width, height = loaded.sizes[0]
        order, marks = PaintOrder(prompt="a red apple", width=width, height=height), [time.perf_counter()]
        recipe = msgspec.structs.replace(RECIPES[-1], steps=TRIAL_STEPS)
        _draw(loaded, order, recipe, (0, None), lambda step, seen: marks.append(time.perf_counter()))
        whole, step = time.perf_counter() - marks[0], (marks[-1] - marks[1]) / (TRIAL_STEPS - 1)
        return {recipe.name: whole + (recipe.steps - TRIAL_STEPS) * step for recipe in RECIPES}

    def paint(self, order: PaintOrder, on_step: Callable[[Step], None]) -> Iterator[Painted]:
        """Paint the order at the nearest announced size and resize each picture to the ordered one.

        What `on_step` raises stops the painting and passes through. Raises PaintFailed.
        """
        loaded = self._expect_loaded()
        recipe = recipe_of(order, RECIPES)
        for picture, seeds in enumerate(order.seeds()):
            tell = teller(on_step, picture, recipe.steps)
            image = paint_surely(
                lambda model, seeds=seeds, tell=tell: _draw(model, order, recipe, seeds, tell),  # type: ignore[misc]
                loaded,
                loaded.in_fp32(),
            )
            settings = {
                "Steps": recipe.steps,
                "Sampler": recipe.sampler,
                "CFG scale": f"{recipe.guidance:g}",
                "Model": loaded.name,
                "Level": recipe.name,
            }
            read = shares_read(loaded.pipeline.tokenizer, order)
            yield finished(image, order, seeds[0], settings, read)

    def unload(self) -> None:
        """Free the modules, and what torch keeps for them on a GPU."""
        self._loaded = None
        free_memory()

    def _expect_loaded(self) -> "_Loaded":
        if self._loaded is None:
            raise PaintFailed("painter-not-loaded")
        return self._loaded


class _Loaded(NamedTuple):
    """A pipeline at work; `colours` (5, 3) maps a latent's 4 numbers and a 1 to red, green and blue from 0 to 1.

    `schedule` is what the model came with: each picture's sampler is made from it, not from the sampler before.
    """

    name: str
    place: Path
    pipeline: Any
    sizes: tuple[Size, ...]
    colours: "torch.Tensor"
    schedule: Any

    def in_fp32(self) -> "Callable[[], _Loaded] | None":
        """Return what loads it in fp32, None where it is so already."""
        import torch

        if self.pipeline.dtype == torch.float32:
            return None
        return lambda: self._replace(pipeline=_load(self.place, None, torch.float32))

    def announcement(self) -> Model:
        return Model(
            name=self.name,
            sizes=self.sizes,
            levels=tuple(recipe.level for recipe in RECIPES),
            device=self.pipeline.device.type,
            revision=commit_of(self.place),
        )


class _Stopped(BaseException):
    """Carries what a listener raised through the pipeline, so that it is told from the pipeline's own errors."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _find(source: str, tell: Tell) -> Path:
    """Return the folder or the single file of a model. Raises PaintFailed where there is none."""
    place = folder_of(source)
    if place.is_dir() or (place.is_file() and place.suffix == ".safetensors"):
        return place
    if place.is_file():
        raise PaintFailed("model-not-safetensors", path=str(place))
    named = on_hub(source)
    if named is None or named[2]:
        raise PaintFailed("model-sd-not-found", source=source)
    return fetch(named[0], named[1], FILES, tell)


def _name_of(source: str) -> str:
    place = folder_of(source)
    if place.is_file():
        return place.stem
    return place.resolve().name if place.is_dir() else source


def _load(place: Path, threads: int | None, dtype: "torch.dtype | None" = None) -> Any:
    """Return the pipeline of a folder or a file, without a safety checker; in fp16 on a GPU, where nothing is said."""
    import torch

    from prompt2pic.painters.modules import quiet

    if threads:
        torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    usual = torch.float16 if device.type == "cuda" else torch.float32
    with quiet():
        pipeline = (_from_folder if place.is_dir() else _from_file)(place, device, dtype or usual)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _from_folder(folder: Path, device: "torch.device", dtype: "torch.dtype") -> Any:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    from prompt2pic.painters.modules import load_module

    found = str(read_json(folder / "model_index.json").get("_class_name"))
    if found != "StableDiffusionPipeline":
        raise PaintFailed(
            "model-wrong-architecture", path=str(folder), found=found, wanted="StableDiffusionPipeline"
        )
    kinds = {"vae": AutoencoderKL, "text_encoder": CLIPTextModel, "unet": UNet2DConditionModel}
    modules = {name: load_module(folder / name, kind, device, dtype) for name, kind in kinds.items()}
    return _pipeline_class()(**modules, **_rest(folder, folder / "tokenizer"), requires_safety_checker=False)


def _from_file(file: Path, device: "torch.device", dtype: "torch.dtype") -> Any:
    """Load a file of the original layout; what it does not tell of itself is in a folder beside it, or usual."""
    from prompt2pic.painters.modules import broken_files

    _check_names(file)
    beside = file.with_suffix("")
    shape = beside if beside.is_dir() else Path(str(resources.files("prompt2pic"))) / "models" / "sd15"
    words = beside / "tokenizer" if beside.is_dir() else fetch(WORDS, "main", WORD_FILES, lambda share: None)
    rest = _rest(shape, words)
    with broken_files(file):
        pipeline = _pipeline_class().from_single_file(
            str(file),
            config=str(shape),
            dtype=dtype,
            local_files_only=True,
            requires_safety_checker=False,
            **rest,
        )
        for name in ORIGINAL:
            _check_filled(file, getattr(pipeline, name).eval())
        return pipeline.to(device)


def _check_names(file: Path) -> None:
    from safetensors import safe_open

    from prompt2pic.painters.modules import broken_files

    with broken_files(file), safe_open(file, framework="pt") as opened:
        names = list(opened.keys())
    for beginning in ORIGINAL.values():
        if not any(name.startswith(beginning) for name in names):
            found = names[0] if names else "?"
            raise PaintFailed(
                "model-wrong-architecture", path=str(file), found=found, wanted=f"{beginning}* (SD 1.5)"
            )


def _check_filled(file: Path, module: Any) -> None:
    for name, weights in module.named_parameters():
        if weights.is_meta:
            raise PaintFailed("model-file-broken", path=str(file), reason=f"no usable {name}")


def _pipeline_class() -> Any:
    return importlib.import_module("diffusers").StableDiffusionPipeline


def _rest(folder: Path, words: Path) -> dict[str, Any]:
    """Return what a pipeline is made of beside its modules; a scheduler is chosen anew for each picture."""
    from prompt2pic.painters.modules import broken_files, load_tokenizer

    config = read_json(folder / "scheduler" / "scheduler_config.json")
    with broken_files(folder / "scheduler"):
        scheduler = _scheduler(config, RECIPES[0].sampler)
    missing = dict.fromkeys(("safety_checker", "feature_extractor", "image_encoder"))
    return {"tokenizer": load_tokenizer(words), "scheduler": scheduler, **missing}


def _scheduler(config: Any, sampler: str) -> Any:
    name, options = SAMPLERS[sampler]
    return getattr(importlib.import_module("diffusers"), name).from_config(config, **options)


def _sizes(pipeline: Any) -> tuple[Size, ...]:
    """Return the sizes that are announced, first the one that the model was trained at."""
    side = min(max(pipeline.unet.config.sample_size * PIXELS_OF_A_LATENT, SIDES[0]), SIDES[-1])
    return ((side, side), *((w, h) for w in SIDES for h in SIDES if (w, h) != (side, side)))


def _colours(vae: Any) -> "torch.Tensor":
    """Fit the linear map from latents to colours that comes nearest to what a decoder makes of plain fields."""
    import torch

    fields = torch.randn((32, 4, 1, 1), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        latents = fields.expand(-1, -1, 4, 4).to(vae.device, vae.dtype) / vae.config.scaling_factor
        seen = (vae.decode(latents).sample.float().mean((2, 3)).cpu() / 2 + 0.5).clamp(0, 1)
    known = torch.cat([fields[:, :, 0, 0], torch.ones(len(fields), 1)], dim=1)
    return torch.linalg.lstsq(known, seen).solution


def _draw(
    loaded: _Loaded,
    order: PaintOrder,
    recipe: Recipe,
    seeds: tuple[int, int | None],
    tell: "Callable[[int, Image | None], None]",
) -> "Image":
    """Return one picture; `tell` hears each step. What it raises passes through. Raises PaintFailed."""
    try:
        return _run(loaded, order, recipe, seeds, partial(_listen, loaded, tell))
    except _Stopped as stopped:
        reason = stopped.error
    except (RuntimeError, MemoryError) as error:
        reason = painting_failed(error)
    # Here the error is gone, and with it its frames that held on to memory.
    free_memory()
    raise reason


def _run(
    loaded: _Loaded, order: PaintOrder, recipe: Recipe, seeds: tuple[int, int | None], listen: Any
) -> "Image":
    import torch

    from prompt2pic.painters.noise import generators, starting_noise

    pipeline = loaded.pipeline
    width, height = nearest_size((order.width, order.height), loaded.sizes)
    prompt, negative = order.words
    shape = torch.Size((1, 4, height // PIXELS_OF_A_LATENT, width // PIXELS_OF_A_LATENT))
    own, others = (generators([seed]) for seed in seeds)
    noise = starting_noise(shape, own, others, order.strength or 0.0, torch.device("cpu"))
    pipeline.scheduler = _scheduler(loaded.schedule, recipe.sampler)
    with torch.inference_mode():
        return pipeline(
            prompt_embeds=_words(pipeline, prompt),
            negative_prompt_embeds=_words(pipeline, negative),
            width=width,
            height=height,
            num_inference_steps=recipe.steps,
            guidance_scale=recipe.guidance,
            latents=noise.to(pipeline.dtype),
            callback_on_step_end=listen,
        ).images[0]


def _words(pipeline: Any, text: str) -> "torch.Tensor":
    """Return what the text encoder makes of a text, cut or padded to the length that it reads."""
    tokenizer = pipeline.tokenizer
    length = tokenizer.model_max_length
    tokens = tokenizer([text], padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return pipeline.text_encoder(tokens.input_ids.to(pipeline.device)).last_hidden_state


def _listen(
    loaded: _Loaded,
    tell: "Callable[[int, Image | None], None]",
    pipeline: Any,
    number: int,
    t: object,
    tensors: dict[str, Any],
) -> dict[str, Any]:
    """Be told of a step by the pipeline, with the number of steps before it."""
    if not tensors["latents"].isfinite().all():
        raise _Stopped(PaintFailed("picture-not-finite"))
    last = number + 1 == len(pipeline.scheduler.timesteps)
    shown = last or (number + 1) % GLANCE_EVERY == 0
    # Both samplers keep the picture as they guess it behind the noise.
    seen = _glance(loaded, pipeline.scheduler.model_outputs[-1]) if shown else None
    try:
        tell(number + 1, seen)
    except BaseException as error:
        raise _Stopped(error) from None
    return tensors


def _glance(loaded: _Loaded, latents: "torch.Tensor") -> "Image":
    from PIL.Image import fromarray

    colours = loaded.colours
    pixels = latents[0].float().cpu().permute(1, 2, 0) @ colours[:4] + colours[4]
    return fromarray((pixels.clamp(0, 1) * 255).round().byte().numpy())
