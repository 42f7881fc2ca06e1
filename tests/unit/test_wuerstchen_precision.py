"""The precision of a full model on a CPU: measured once, kept within an error, remembered."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_wuerstchen import save_tiny_wuerstchen

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

from prompt2pic.core.ports import PaintOrder  # noqa: E402
from prompt2pic.painters import wuerstchen_precision as precision  # noqa: E402
from prompt2pic.painters.wuerstchen import WuerstchenPainter  # noqa: E402
from prompt2pic.painters.wuerstchen_checkpoint import load_checkpoint  # noqa: E402
from prompt2pic.painters.wuerstchen_files import find_checkpoint  # noqa: E402
from prompt2pic.painters.wuerstchen_precision import Trial, choose, measured, put, verdict  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_wuerstchen(tmp_path_factory.mktemp("tiny"))


def tiny(folder: Path | str) -> Any:
    """Return the tiny model, for an empty name the built-in one, in fp32."""
    torch.set_num_threads(1)
    return load_checkpoint(find_checkpoint(str(folder)), torch.device("cpu"), torch.float32, lambda *_: None)


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ({}, "fp32"),
        ({"bf16": Trial(0.5, 0.01)}, "bf16"),
        ({"bf16": Trial(0.5, 0.01), "bf16 channels_last": Trial(0.4, 0.02)}, "bf16 channels_last"),
        ({"bf16": Trial(0.5, 0.06)}, "fp32"),
        ({"bf16": Trial(0.5, float("inf"))}, "fp32"),
        ({"bf16": Trial(0.95, 0.001)}, "fp32"),
        ({"bf16": Trial(2.0, 0.001)}, "fp32"),
        ({"bf16": Trial(0.3, 0.06), "fp32 channels_last": Trial(0.8, 0.0)}, "fp32 channels_last"),
    ],
)
def test_the_fastest_within_the_error(others: dict[str, Trial], chosen: str) -> None:
    """Not the fastest of all, and none that is hardly faster than fp32."""
    assert verdict({"fp32": Trial(1.0, 0.0), **others}) == chosen


def test_every_candidate_is_tried_on_the_model_itself() -> None:
    """Each takes time and has its error, here on trained weights; the model stays as it is."""
    model = tiny("")
    trials = measured(model)
    assert set(trials) == set(precision.CANDIDATES)
    assert all(trial.seconds > 0 for trial in trials.values())
    assert trials["fp32"].error < 1e-3  # the same sums in another order
    assert trials["fp32 channels_last"].error < 1e-3
    assert 1e-3 < trials["bf16"].error < 0.2
    assert {weight.dtype for weight in model.prior.denoiser.parameters()} == {torch.float32}


def test_numbers_that_run_away_are_no_small_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A precision in which a model yields no numbers is never chosen."""
    inner = precision._timed

    def broken(module: Any, inputs: Any, candidate: Any) -> Any:
        noise, seconds = inner(module, inputs, candidate)
        return (noise if candidate.dtype == torch.float32 else noise * torch.nan), seconds

    monkeypatch.setattr(precision, "_timed", broken)
    assert measured(tiny(folder))["bf16"].error == float("inf")


def test_a_verdict_is_remembered(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start on this machine reads it; another model has its own."""
    trials = {"fp32": Trial(1.0, 0.0), "bf16": Trial(0.4, 0.01)}
    asked: list[Any] = []
    monkeypatch.setattr(precision, "measured", lambda model: asked.append(model) or trials)
    memory, model = tmp_path / "new" / "precision.json", tiny(folder)
    assert [choose(model, "one", memory).name for _ in range(3)] == ["bf16"] * 3
    assert len(asked) == 1
    choose(model, "another", memory)
    assert len(asked) == 2
    assert set(json.loads(memory.read_text()).values()) == {"bf16"}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"x": 1}', b"\xff"])
def test_a_memory_that_can_not_be_read_is_made_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """A broken file costs a trial, nothing else; so does one that can not be written."""
    monkeypatch.setattr(precision, "measured", lambda model: {"fp32": Trial(1.0, 0.0)})
    memory = tmp_path / "precision.json"
    memory.write_bytes(content)
    assert choose(tiny(folder), "one", memory).name == "fp32"
    assert choose(tiny(folder), "one", memory / "below a file" / "x.json").name == "fp32"


def test_pictures_in_bf16(folder: Path) -> None:
    """Every module takes the precision, and the model says in which it paints."""
    model = put(tiny(folder), precision.CANDIDATES["bf16 channels_last"])
    assert model.dtype == torch.bfloat16
    painter = WuerstchenPainter(str(folder), threads=1, precision="bf16")
    assert painter.load(lambda *_: None).device == "cpu, bf16"
    order = PaintOrder(prompt="кот", width=512, height=512, level="fast")
    [painted] = painter.paint(order, lambda step: None)
    assert painted.png.startswith(b"\x89PNG")
