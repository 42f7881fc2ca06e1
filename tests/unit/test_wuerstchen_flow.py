"""Würstchen's control flow against the stock pipelines of diffusers."""

from dataclasses import replace
from math import ceil
from typing import Any

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.wuerstchen_files import find_checkpoint
from prompt2pic.painters.wuerstchen_levels import FULL, Recipe
from tests.stock_wuerstchen import stock_stages
from tests.tiny_wuerstchen import save_tiny_wuerstchen

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

PROMPT = (
    "красный кот на синем фоне, a red cat on a blue background, and more words than the text model can read"
)


def load(source: str, candidate: Any = None) -> Any:
    """Return the loaded checkpoint, in fp32 as diffusers computes it if nothing else is asked."""
    from prompt2pic.painters.wuerstchen_checkpoint import load_checkpoint
    from prompt2pic.painters.wuerstchen_precision import FP32

    torch.set_num_threads(1)  # two that spin are slow beside a busy process
    folders, device = find_checkpoint(source), torch.device("cpu")
    return load_checkpoint(folders, device, candidate or FP32, lambda fraction, what: None)


@pytest.fixture(scope="module")
def built_in() -> Any:
    return load("")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load(str(save_tiny_wuerstchen(tmp_path_factory.mktemp("tiny"))))


@pytest.fixture(params=["built_in", "tiny"])
def model(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def sketch(guidance: float = 4.0, **changes: Any) -> Any:
    """Return a small sketch with the stock sampler."""
    from prompt2pic.painters.wuerstchen_flow import Sketch

    recipe = Recipe(name="stock", prior_steps=5, decoder_steps=3, sampler="ddpm", guidance=guidance)
    drawn = {
        "prompt": PROMPT,
        "negative": "",
        "width": 256,
        "height": 128,
        "seeds": [(7, None)],
        "recipe": recipe,
    }
    return Sketch(**{**drawn, **changes})


def ours(model: Any, drawn: Any) -> Any:
    """Return the pixels of our control flow."""
    from prompt2pic.painters.wuerstchen_flow import paint

    painting = paint(model, drawn)
    while True:
        try:
            next(painting)
        except StopIteration as end:
            return end.value


def stock(model: Any, drawn: Any) -> Any:
    """Return the pixels of the stock pipelines, made of the same modules."""
    prior, decoder = stock_stages(model)
    generator = torch.Generator().manual_seed(drawn.seeds[0][0])
    embeddings = prior(
        prompt=drawn.prompt,
        negative_prompt=drawn.negative,
        height=drawn.height,
        width=drawn.width,
        num_inference_steps=drawn.recipe.prior_steps,
        guidance_scale=drawn.recipe.guidance,
        generator=generator,
    ).image_embeddings
    return decoder(
        image_embeddings=embeddings,
        prompt=drawn.prompt,
        num_inference_steps=drawn.recipe.decoder_steps,
        generator=generator,
        output_type="pt",
    ).images


@pytest.mark.parametrize(
    "changes",
    [{}, {"negative": "синий"}, {"guidance": 1.0}],
    ids=["guided", "negative", "unguided"],
)
def test_same_as_stock(model: Any, changes: dict[str, Any]) -> None:
    """With the stock sampler our pixels are those of the stock pipelines to the bit, and no plain ground."""
    drawn = sketch(**changes)
    pixels, expected = ours(model, drawn), stock(model, drawn)
    assert pixels.shape == expected.shape == (1, 3, drawn.height, drawn.width)
    assert (pixels - expected).abs().max().item() == 0.0
    assert ((pixels > 0) & (pixels < 1)).float().mean().item() > 0.1


def test_quick_blocks(built_in: Any) -> None:
    """Painted by our blocks in fp32, with trained weights, no value is off by more than 1/1000 of its range."""
    from prompt2pic.painters.wuerstchen_precision import CANDIDATES

    quick, drawn = load("", CANDIDATES["fp32 quick"]), sketch(negative="синий")
    off = (ours(quick, drawn) - stock(built_in, drawn)).abs().max().item()
    assert 0 < off < 1e-3


def test_half_precision(built_in: Any) -> None:
    """In half precision, as a GPU paints, the picture stays the same to the eye."""
    from prompt2pic.painters.wuerstchen_precision import FP16

    ddim = Recipe(name="fast", prior_steps=8, decoder_steps=4, sampler="ddim", guidance=3.0)
    drawn = sketch(height=256, recipe=ddim)
    half = ours(load("", FP16), drawn)
    assert half.dtype == torch.float16
    assert (half.float() - ours(built_in, drawn)).abs().mean().item() < 0.02


@pytest.mark.parametrize("size", [(512, 512), (640, 1408)])
def test_sizes(tiny: Any, size: tuple[int, int]) -> None:
    """A model of the published shape paints the sizes that it announces."""
    assert size in FULL.sizes
    recipe = Recipe(name="one", prior_steps=1, decoder_steps=1, sampler="ddim", guidance=1.0)
    pixels = ours(tiny, sketch(width=size[0], height=size[1], recipe=recipe))
    assert pixels.shape == (1, 3, size[1], size[0])


def test_all_sizes(tiny: Any) -> None:
    """Every announced side is a whole number of latents at each stage."""
    for side in {side for size in FULL.sizes for side in size}:
        latents = int(ceil(side / tiny.resolution_multiple) * tiny.latent_dim_scale)
        assert (latents * 4, latents % 16) == (side, 0)


def test_rests_leave_torch_alone(tiny: Any) -> None:
    """Between two steps whoever drives the painting finds torch as it was."""
    from prompt2pic.painters.wuerstchen_flow import paint

    painting = paint(tiny, sketch())
    next(painting)
    assert not torch.is_inference_mode_enabled()
    painting.close()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("stage", ["prior", "decoder"])
def test_numbers_that_run_away(tiny: Any, stage: str) -> None:
    """Latents that are no numbers fail the painting instead of giving a black picture."""

    def broken(sample: Any, *others: Any) -> Any:
        return sample / 0

    broken.config = getattr(tiny, stage).denoiser.config
    mad = replace(tiny, **{stage: replace(getattr(tiny, stage), denoiser=broken)})
    with pytest.raises(PaintFailed, match="picture-not-finite"):
        ours(mad, sketch(guidance=1.0))


def test_variations_lie_between_two_seeds(model: Any) -> None:
    """Without strength it is the seed's picture, with all of it the other seed's: both stages mix their noise."""
    recipe = Recipe(name="plain", prior_steps=4, decoder_steps=3, sampler="ddim", guidance=3.0)
    one, other = (ours(model, sketch(recipe=recipe, seeds=[(seed, None)])) for seed in (7, 8))
    none, half, all_of_it = (
        ours(model, sketch(recipe=recipe, seeds=[(7, 8)], strength=strength)) for strength in (0.0, 0.5, 1.0)
    )
    assert torch.allclose(none, one, atol=1e-2)
    assert torch.allclose(all_of_it, other, atol=1e-2)
    assert not torch.allclose(half, one, atol=1e-2)
    assert not torch.allclose(half, other, atol=1e-2)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpmpp"])
@pytest.mark.parametrize("seeds", [[(7, None), (8, None), (9, None)], [(7, 8), (7, 9)]])
def test_pictures_of_a_batch_are_those_of_their_seeds(built_in: Any, sampler: Any, seeds: Any) -> None:
    """Within the rounding of larger products, each is what its seed gives alone, in guided steps and in others."""
    recipe = Recipe(
        name="part", prior_steps=4, decoder_steps=3, sampler=sampler, guidance=3.0, guided=(0.9, 0.3)
    )
    together = ours(built_in, sketch(recipe=recipe, seeds=seeds, strength=0.5, negative="noise"))
    alone = [
        ours(built_in, sketch(recipe=recipe, seeds=[one], strength=0.5, negative="noise")) for one in seeds
    ]
    assert len(together) == len(seeds)
    off = (together - torch.cat(alone)).abs()
    assert off.max().item() < 0.005
    assert (together[0] - together[1]).abs().max().item() > 0.01


def test_guides_in_its_part_of_the_steps(tiny: Any) -> None:
    """Outside of its interval guidance costs nothing, and the negative prompt has no say."""
    sizes: list[int] = []

    def counted(sample: Any, *others: Any) -> Any:
        sizes.append(len(sample))
        return tiny.prior.denoiser(sample, *others)

    counted.config = tiny.prior.denoiser.config
    model = replace(tiny, prior=replace(tiny.prior, denoiser=counted))
    recipe = Recipe(
        name="part", prior_steps=5, decoder_steps=1, sampler="dpmpp", guidance=4.0, guided=(0.9, 0.3)
    )
    some = ours(model, sketch(recipe=recipe))
    assert sizes == [1, 2, 2, 2, 1]
    assert not torch.equal(some, ours(model, sketch(recipe=recipe, negative="red")))
