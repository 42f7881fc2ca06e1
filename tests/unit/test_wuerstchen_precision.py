"""The precision of a full model on a CPU: measured once, kept within an error, remembered."""

import gc
import json
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_wuerstchen import save_tiny_wuerstchen

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

from prompt2pic.core.errors import PaintFailed  # noqa: E402
from prompt2pic.core.ports import PaintOrder  # noqa: E402
from prompt2pic.painters import wuerstchen_precision as precision  # noqa: E402
from prompt2pic.painters.int8 import has_vnni, in_int8  # noqa: E402
from prompt2pic.painters.wuerstchen import WuerstchenPainter  # noqa: E402
from prompt2pic.painters.wuerstchen_checkpoint import load_denoiser  # noqa: E402
from prompt2pic.painters.wuerstchen_files import find_checkpoint  # noqa: E402
from prompt2pic.painters.wuerstchen_precision import (  # noqa: E402
    CANDIDATES,
    FP32,
    Shape,
    Trial,
    as_given,
    choose,
    inputs,
    measured,
    verdict,
)
from prompt2pic.painters.wuerstchen_quick import quicken  # noqa: E402

SHAPE, SMALL = Shape(12, 10.67), Shape(8, 4.0)  # of the tiny and of the built-in model
VNNI = pytest.mark.skipif(not has_vnni(precision._flags()), reason="this CPU has no VNNI")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_wuerstchen(tmp_path_factory.mktemp("tiny"))


def loading(folder: Path | str) -> precision.Load:
    """Return what loads the denoisers of the tiny model, for an empty name of the built-in one."""
    torch.set_num_threads(1)
    return partial(load_denoiser, find_checkpoint(str(folder)))


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ({}, "fp32"),
        ({"bf16 quick": Trial(0.5, 0.01)}, "bf16 quick"),
        ({"bf16 quick": Trial(0.5, 0.01), "int8 quick": Trial(0.4, 0.02)}, "int8 quick"),
        ({"bf16 quick": Trial(0.5, 0.01), "int8 quick": Trial(0.48, 0.02)}, "bf16 quick"),
        ({"bf16 quick": Trial(1.5, 0.01), "int8 quick": Trial(0.4, 0.02)}, "int8 quick"),
        ({"bf16 quick": Trial(0.5, 0.06)}, "fp32"),
        ({"bf16 quick": Trial(0.5, float("inf"))}, "fp32"),
        ({"bf16 quick": Trial(0.95, 0.001)}, "fp32"),
        ({"bf16 quick": Trial(2.0, 0.001)}, "fp32"),
        ({"int8 quick": Trial(0.3, 0.06), "fp32 quick": Trial(0.8, 0.0)}, "fp32 quick"),
    ],
)
def test_the_fastest_within_the_error(others: dict[str, Trial], chosen: str) -> None:
    """Not the fastest of all, and none that is hardly faster than a more precise one."""
    assert verdict({"fp32": Trial(1.0, 0.0), **others}) == chosen


def test_every_candidate_is_tried_on_the_model_itself() -> None:
    """Each takes time and has its error, here on trained weights; 8 bits only where the CPU multiplies those."""
    trials = measured(loading(""), SMALL)
    assert set(trials) == {
        name for name, one in CANDIDATES.items() if not one.int8 or has_vnni(precision._flags())
    }
    assert all(trial.seconds > 0 for trial in trials.values())
    assert trials["fp32"].error == 0.0
    assert 0 < trials["fp32 quick"].error < 1e-5  # the same sums in another order
    assert 1e-3 < trials["bf16 quick"].error < 0.05


def test_what_a_cpu_can_not_do_is_not_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without VNNI a product in 8 bits would take minutes: it is refused where it was asked for."""
    monkeypatch.setattr(precision, "_flags", lambda: frozenset({"avx2", "avx512f"}))
    assert not any(CANDIDATES[name].int8 for name in measured(loading(folder), SHAPE))
    with pytest.raises(PaintFailed, match="precision-not-here"):
        choose(loading(folder), SHAPE, "one", None, "int8")


@VNNI
def test_int8_on_trained_weights() -> None:
    """In 8 bits the noise of trained denoisers is off by a few percent, in bf16 by less."""
    trials = measured(loading(""), SMALL)
    assert trials["bf16 quick"].error < trials["int8 quick"].error < 0.05


@VNNI
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("seed", range(40))
def test_a_linear_layer_in_int8(kind: Any, seed: int) -> None:
    """Whatever the range of what it is given, no result is off by more than steps of 1/253 of that can add up to."""
    chance = torch.Generator().manual_seed(seed)
    low, high = (10 ** (6 * torch.rand(2, generator=chance) - 3)).tolist()
    layer = torch.nn.Linear(96, 40)
    torch.nn.init.uniform_(layer.weight, -0.1, 0.1, generator=chance)
    given = (torch.rand(2, 3, 3, 96, generator=chance) * (low + high) - low).to(kind)
    given.view(-1)[0], given.view(-1)[1] = -low, high  # the ends are where a wrong rounding leads out of int8
    with torch.inference_mode():
        right, seen = layer(given.float()), in_int8(layer)(given)
    assert seen.dtype == kind
    step = (low + high) / 253
    worst = (
        1.1 * step * layer.weight.abs().sum(dim=1)
        + 0.01 * right.abs()
        + 0.1 * given.float().abs().amax() / 127
    )
    assert ((seen.float() - right).abs() <= worst).all()


@VNNI
def test_a_range_without_an_end_gives_no_numbers() -> None:
    """Numbers that have run away stay seen as such; all zeros are the bias."""
    layer = torch.nn.Linear(8, 4)
    narrow = in_int8(layer)
    for bad in (torch.nan, torch.inf):
        assert narrow(torch.full((3, 8), bad)).isnan().all()
    assert torch.allclose(narrow(torch.zeros(3, 8)), layer.bias.expand(3, 4), atol=1e-6)


@pytest.mark.parametrize("name", ["prior", "decoder"])
def test_quick_blocks_are_the_stock_ones(folder: Path, name: str) -> None:
    """One step of a batch differs by rounding only, with fewer heads at a time than there are, too."""
    load = loading(folder)
    with torch.inference_mode():
        given = as_given(inputs(load(name, FP32), SHAPE, count=2), FP32)
        right, quick = load(name, FP32)(*given), quicken(load(name, FP32))(*given)
    off = (right - quick).abs() / (1 + right.abs())
    assert off.max().item() > 0
    assert off.quantile(0.99).item() < 1e-5  # the prior's last division makes much of little, here and there


@pytest.mark.parametrize("candidate", ["bf16 quick", pytest.param("int8 quick", marks=VNNI)])
def test_a_denoiser_that_was_tried_is_gone(folder: Path, candidate: str) -> None:
    """No cycle keeps it: the next one takes its memory, without a search for what is unused."""
    gc.disable()
    try:
        tried = loading(folder)("prior", CANDIDATES[candidate])
        with torch.inference_mode():
            tried(*as_given(inputs(tried, SHAPE), CANDIDATES[candidate]))
        gone = weakref.ref(tried)
        del tried
        assert gone() is None
    finally:
        gc.enable()


def test_quick_decoding_is_the_stock_one(folder: Path) -> None:
    """The vqgan's pixels differ by rounding only, though it looks at a few places at a time."""
    from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel

    vqgan = PaellaVQModel.from_pretrained(folder / "decoder" / "vqgan").eval()
    torch.manual_seed(0)
    latents = torch.randn(2, 4, 40, 56)  # more places than are looked at at once
    with torch.inference_mode():
        right = vqgan.decode(latents).sample
        off = (quicken(vqgan).decode(latents).sample - right).abs() / (1 + right.abs())
    assert 0 < off.max().item() < 1e-4


def test_numbers_that_run_away_are_no_small_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A precision in which a model yields no numbers is never chosen."""
    inner = precision._timed

    def broken(module: Any, shape: Any, candidate: Any) -> Any:
        noise, seconds = inner(module, shape, candidate)
        return (noise if candidate.dtype == torch.float32 else noise * torch.nan), seconds

    monkeypatch.setattr(precision, "_timed", broken)
    assert measured(loading(folder), SHAPE)["bf16 quick"].error == float("inf")


def test_a_candidate_that_fails_is_not_chosen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this CPU has no memory or no kernel for is left out; where fp32 fails, so does the loading."""
    inner = precision._timed

    def failing(module: Any, shape: Any, candidate: Any) -> Any:
        if candidate.dtype == bad:
            raise RuntimeError("could not create a primitive")
        return inner(module, shape, candidate)

    monkeypatch.setattr(precision, "_timed", failing)
    bad = torch.bfloat16
    assert measured(loading(folder), SHAPE)["bf16 quick"].error == float("inf")
    bad = torch.float32
    with pytest.raises(PaintFailed, match="painter-broke"):
        measured(loading(folder), SHAPE)


def test_a_verdict_is_remembered(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start on this machine reads it; another model has its own; what is wished is not timed."""
    trials = {"fp32": Trial(1.0, 0.0), "bf16 quick": Trial(0.4, 0.01)}
    asked: list[Any] = []
    monkeypatch.setattr(precision, "measured", lambda load, shape: asked.append(load) or trials)
    memory, load = tmp_path / "new" / "precision.json", loading(folder)
    assert [choose(load, SHAPE, "one", memory).name for _ in range(3)] == ["bf16 quick"] * 3
    assert len(asked) == 1
    choose(load, SHAPE, "another", memory)
    assert len(asked) == 2
    assert set(json.loads(memory.read_text()).values()) == {"bf16 quick"}
    assert [choose(load, SHAPE, "third", memory, wish).name for wish in ("fp32", "bf16")] == [
        "fp32 quick",
        "bf16 quick",
    ]
    assert len(asked) == 2


def test_a_verdict_without_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has nowhere to keep it tries once, so that a model loaded anew paints the same."""
    asked: list[Any] = []
    trials = {"fp32": Trial(1.0, 0.0), "bf16 quick": Trial(0.4, 0.01)}
    monkeypatch.setattr(precision, "_VERDICTS", {})
    monkeypatch.setattr(precision, "measured", lambda load, shape: asked.append(load) or trials)
    assert [choose(loading(folder), SHAPE, "one", None).name for _ in range(3)] == ["bf16 quick"] * 3
    assert len(asked) == 1


def test_workers_that_start_at_once_paint_alike(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose trial ends later takes the verdict that is kept already."""
    memory, load = tmp_path / "precision.json", loading(folder)
    slower = {"fp32": Trial(1.0, 0.0), "fp32 quick": Trial(0.4, 0.01)}
    faster = {"fp32": Trial(1.0, 0.0), "bf16 quick": Trial(0.4, 0.01)}

    def beaten(load: Any, shape: Any) -> Any:
        monkeypatch.setattr(precision, "measured", lambda load, shape: faster)
        assert choose(load, SHAPE, "one", memory).name == "bf16 quick"
        return slower

    monkeypatch.setattr(precision, "measured", beaten)
    assert choose(load, SHAPE, "one", memory).name == "bf16 quick"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"x": []}', b"\xff"])
def test_a_memory_that_can_not_be_read_is_made_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """A broken file costs a trial, nothing else; so does one that can not be written."""
    monkeypatch.setattr(precision, "measured", lambda load, shape: {"fp32": Trial(1.0, 0.0)})
    memory = tmp_path / "precision.json"
    memory.write_bytes(content)
    assert choose(loading(folder), SHAPE, "one", memory).name == "fp32"
    assert choose(loading(folder), SHAPE, "one", memory / "below a file" / "x.json").name == "fp32"


@pytest.mark.parametrize("wish", ["fp32", "bf16", pytest.param("int8", marks=VNNI)])
def test_pictures_in_each_precision(folder: Path, wish: str) -> None:
    """A model paints in the precision that was wished, and says so."""
    painter = WuerstchenPainter(str(folder), threads=1, precision=wish)
    assert painter.load(lambda *_: None).device == f"cpu, {wish}"
    order = PaintOrder(prompt="кот", width=512, height=512, level="fast")
    [painted] = painter.paint(order, lambda step: None)
    assert painted.png.startswith(b"\x89PNG")
