"""The denoisers by our own blocks: what is computed once a picture, and attention in parts."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_wuerstchen import save_tiny_wuerstchen

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

from prompt2pic.core.ports import PaintOrder  # noqa: E402
from prompt2pic.painters import attention  # noqa: E402
from prompt2pic.painters.attention import LOG2_E, attended  # noqa: E402
from prompt2pic.painters.int8 import has_vnni, in_int8  # noqa: E402
from prompt2pic.painters.kept import Kept  # noqa: E402
from prompt2pic.painters.wuerstchen_blocks import Linear  # noqa: E402
from prompt2pic.painters.wuerstchen_checkpoint import load_denoiser  # noqa: E402
from prompt2pic.painters.wuerstchen_files import find_checkpoint  # noqa: E402
from prompt2pic.painters.wuerstchen_precision import QUICK, Shape, _flags, inputs  # noqa: E402

SHAPE = Shape(12, 10.67)  # of the tiny model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_wuerstchen(tmp_path_factory.mktemp("tiny"))


def load(folder: Path, name: str) -> Any:
    torch.set_num_threads(1)
    return load_denoiser(find_checkpoint(str(folder)), name, QUICK)


def softmax(query: Any, key: Any, value: Any) -> Any:
    return torch.softmax(query @ key.mT / LOG2_E, -1) @ value


@pytest.mark.parametrize("scores", [1, 12 * 8, 12 * 9 * 2, 2**24])
@pytest.mark.parametrize("size", [1.0, 30.0, 300.0])
def test_attention_in_parts(monkeypatch: pytest.MonkeyPatch, scores: int, size: float) -> None:
    """It is softmax however many heads, or rows of one, are at hand, and where a power of two is beyond all numbers."""
    monkeypatch.setattr(attention, "_SCORES", scores)
    torch.manual_seed(0)
    query, key, value = torch.randn(6, 9, 4) * size, torch.randn(6, 12, 4), torch.randn(6, 12, 4)
    assert torch.allclose(attended(query, key, value), softmax(query, key, value), atol=1e-4)
    elsewhere = attended(*(each.to("meta") for each in (query, key, value)))
    assert elsewhere.shape == query.shape


def test_scores_far_below_nothing() -> None:
    """Where every power of a row is too small for a number it is softmax all the same; no number stays none."""
    query, key, value = torch.full((1, 3, 1), -50.0), torch.tensor([[[8.0], [9.0]]]), torch.randn(1, 2, 1)
    assert torch.allclose(attended(query, key, value), value[:, :1].expand(1, 3, 1), atol=1e-6)
    query[0, 1] = torch.nan
    assert attended(query, key, value)[0, 1].isnan().all()


def test_kept_as_long_as_what_it_was_made_of() -> None:
    """Made once for each tensor and way, and gone with the tensor, without a search for what is unused."""
    kept, given, other = Kept(), torch.zeros(3), torch.zeros(3)
    made: list[str] = []

    def make(name: str) -> Any:
        made.append(name)
        return torch.ones(1)

    gc.disable()
    try:
        first = kept(given, lambda: make("first"))
        assert kept(given, lambda: make("again")) is first
        assert kept(given, lambda: make("another way"), (1, 2)) is not first
        assert kept(other, lambda: make("another tensor")) is not first
        gone = weakref.ref(first)
        del first, given
        assert gone() is None
    finally:
        gc.enable()
    assert made == ["first", "another way", "another tensor"]


@pytest.mark.parametrize("name", ["prior", "decoder"])
def test_words_and_semantic_latents_are_heard_anew_when_they_are_others(folder: Path, name: str) -> None:
    """A step after others of the same picture is the step of a fresh model; another picture is another."""
    with torch.inference_mode():
        denoiser = load(folder, name)
        first, second = inputs(denoiser, SHAPE), [value.clone() for value in inputs(denoiser, SHAPE)]
        for place in range(2, len(second)):
            second[place] = second[place].flip(-1)
        fresh = [load(folder, name)(*given) for given in (first, second)]
        seen = [denoiser(*given) for given in (first, second, first, second)]
    assert all(torch.equal(seen[turn], fresh[turn % 2]) for turn in range(4))
    assert not torch.equal(*fresh)


def test_a_decoder_that_the_time_means_nothing_to(tmp_path: Path) -> None:
    """One without blocks for the time, which diffusers can make, paints as well."""
    from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt

    from prompt2pic.painters.wuerstchen_quick import quicken

    torch.manual_seed(0)
    small = {"c_hidden": [8, 8], "nhead": [-1, 2], "blocks": [1, 1], "level_config": ["C", "CA"]}
    stock = WuerstchenDiffNeXt(
        **small, c_r=8, patch_size=2, c_cond=8, clip_embd=8, inject_effnet=[False, True], kernel_size=3
    ).eval()
    given = [torch.randn(1, 4, 16, 16), torch.full((1,), 0.5), torch.randn(1, 16, 4, 4), torch.randn(1, 3, 8)]
    with torch.inference_mode():
        right = stock(*given)
        assert torch.allclose(quicken(stock)(*given), right, atol=1e-5)


def test_what_a_picture_left_is_gone_with_it(folder: Path) -> None:
    """Nothing that was made of its words and semantic latents stays in memory."""
    with torch.inference_mode():
        denoiser = load(folder, "decoder")
        given = inputs(denoiser, SHAPE)
        denoiser(*given)
        stores = [module._kept for module in denoiser.modules() if hasattr(module, "_kept")]
        assert sum(len(store._made) for store in stores) > 2
        del given
    assert sum(len(store._made) for store in stores) == 0


def test_nothing_is_kept_while_pixels_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In fp32, too, where the semantic latents are not turned into another precision."""
    from prompt2pic.painters.wuerstchen import WuerstchenPainter

    painter = WuerstchenPainter(precision="fp32")
    painter.load(lambda fraction, what: None)
    model = painter._expect_loaded().model
    stores = [module._kept for module in model.decoder.denoiser.modules() if hasattr(module, "_kept")]
    held: list[int] = []
    decode = model.vqgan.decode

    def look(latents: Any) -> Any:
        held.append(sum(len(store._made) for store in stores))
        return decode(latents)

    monkeypatch.setattr(model.vqgan, "decode", look)
    list(painter.paint(PaintOrder(prompt="кот", width=128, height=128, level="fast"), lambda step: None))
    assert held[0] > 0  # a glance, between two steps
    assert held[-1] == 0


def test_guided_latents_are_one_picture_until_words_are_heard(folder: Path) -> None:
    """Latents that were expanded, and repeated, yield the same noise for each of two texts."""
    with torch.inference_mode():
        prior = load(folder, "prior")
        latents, time, _ = inputs(prior, SHAPE)
        words = inputs(prior, SHAPE, count=2)[2]
        repeated = prior(latents.repeat(2, 1, 1, 1), time.repeat(2), words)
        expanded = prior(latents.expand(2, -1, -1, -1), time.expand(2), words)
    off = (repeated - expanded).abs() / (1 + repeated.abs())
    assert off.quantile(0.99).item() < 1e-5  # the last division makes much of little, here and there
    assert not torch.allclose(expanded[0], expanded[1])


@pytest.mark.skipif(not has_vnni(_flags()), reason="this CPU has no VNNI")
@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("more", [False, True])
def test_a_layer_in_int8_adds_and_takes_the_gelu(gelu: bool, more: bool) -> None:
    """What oneDNN does to results on the way is what the wide layer does."""
    torch.manual_seed(0)
    wide = Linear(torch.randn(40, 96) / 10, torch.randn(40))
    given, plus = torch.randn(2, 5, 96), torch.randn(2, 5, 40) if more else None
    with torch.inference_mode():
        right, seen = (layer(given, plus, gelu) for layer in (wide, in_int8(wide)))
        apart = None if plus is None else plus.mT.contiguous().mT  # oneDNN itself does not look at strides
        assert torch.equal(seen, in_int8(wide)(given, apart, gelu))
    assert (right - seen).abs().max().item() < 0.06
    without = wide(given, None, False)
    assert torch.allclose(right, without) == (not gelu and not more)


FAULTS = """
import resource
from prompt2pic.painters.process import free_memory, import_libraries
import_libraries()
def held(): return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for turn in range(3):
    before = faults()
    blocks = [bytes(20_000_000) and bytearray(b"1") * 20_000_000 for _ in range(8)]
    del blocks
    taken = faults() - before
full = held()
free_memory()
print(taken, full - held())
"""


def test_a_painters_memory_is_kept_until_it_is_given_back() -> None:
    """What was freed comes again without a page fault for each page of it; unloading gives it back."""
    if sys.platform != "linux":
        pytest.skip("the C library is another")
    told = subprocess.run([sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True).stdout
    taken, given = map(int, told.split())
    assert taken < 4_000  # of 40,000 pages
    assert given > 100_000_000
