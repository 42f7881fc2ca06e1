"""Both painters pass the suite of painters, and what each does besides."""

import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from prompt2pic.core.errors import PaintCancelled, PaintFailed, Problem
from prompt2pic.core.ports import Model, Painter, PaintOrder, Step
from prompt2pic.painters import make_painter
from prompt2pic.painters.stub import StubPainter
from prompt2pic.painters.wuerstchen import WuerstchenPainter
from tests.conformance.painter_suite import PainterSuite, opened
from tests.tiny_wuerstchen import save_tiny_wuerstchen

pytest.importorskip("PIL", reason="the painter's libraries are not installed")


def needs_torch() -> None:
    """Skip where the model's libraries are missing."""
    for name in ("torch", "diffusers", "transformers"):
        pytest.importorskip(name, reason="the painter's libraries are not installed")


class TestStub(PainterSuite):
    """The painter that only waits."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_painter(cls) -> Painter:
        return make_painter("stub:0.02")

    @pytest.mark.parametrize(("level", "share"), [("fast", 0.5), ("balanced", 0.75), ("best", 1.0)])
    def test_time(self, level: str, share: float) -> None:
        """A picture takes the seconds that were asked for at best, and its share of them at other levels."""
        painter = make_painter("stub:0.4")
        model = painter.load(lambda fraction, what: None)
        started = time.monotonic()
        self.paint(painter, self.order(model, level=level))
        seconds = time.monotonic() - started
        assert 0.4 * share <= seconds < 0.4 * share + 0.2
        assert painter.estimate()[level] == pytest.approx(0.4 * share)

    def test_any_size_as_it_is(self, painter: Painter, model: Model) -> None:
        """Nothing is resized."""
        [painted] = self.paint(painter, self.order(model, width=333, height=77))
        assert (painted.painted_width, painted.painted_height) == (333, 77)

    def test_draws_the_prompt(self, painter: Painter, model: Model) -> None:
        """Two prompts look different, also where only Latin letters can be drawn."""
        kinds = {"system": painter, "pillow": make_painter("stub:0")}
        kinds["pillow"].load(lambda fraction, what: None)
        kinds["pillow"]._font = ""  # type: ignore[attr-defined]
        for kind in kinds.values():
            one, other = (self.paint(kind, self.order(model, prompt=word))[0] for word in ("Ёж", "Яж"))
            assert opened(one).tobytes() != opened(other).tobytes()

    def test_light(self) -> None:
        """It never imports torch or numpy."""
        script = (
            "import sys; from prompt2pic.core.ports import PaintOrder\n"
            "from prompt2pic.painters import make_painter\n"
            "painter = make_painter('stub:0'); painter.load(print)\n"
            "list(painter.paint(PaintOrder(prompt='x', width=64, height=64), id))\n"
            "sys.exit(bool({'torch', 'numpy', 'diffusers'} & set(sys.modules)))"
        )
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


class TestBuiltIn(PainterSuite):
    """The model that comes with the package."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_painter(cls) -> Painter:
        needs_torch()
        return make_painter("wuerstchen")

    def test_reads_both_languages(self, model: Model) -> None:
        """It paints 256 x 256 and reads Russian and English."""
        assert model.sizes == ((256, 256),)
        assert set(model.languages) == {"ru", "en"}

    def test_negative_prompt(self, painter: Painter, model: Model) -> None:
        """A negative prompt changes the picture."""
        plain, pushed = (self.paint(painter, self.order(model, negative=n))[0] for n in ("", "синий фон"))
        assert opened(plain).tobytes() != opened(pushed).tobytes()

    def test_prompt(self, painter: Painter, model: Model) -> None:
        """The words reach the picture."""
        one, other = (self.paint(painter, self.order(model, prompt=p))[0] for p in ("красный кот", "лес"))
        assert opened(one).tobytes() != opened(other).tobytes()

    def test_resized(self, painter: Painter, model: Model) -> None:
        """A size that it does not paint is painted at the one it does, and the file says so."""
        [painted] = self.paint(painter, self.order(model, width=1024, height=1024))
        assert (painted.painted_width, painted.painted_height) == (256, 256)
        assert "Painted size: 256x256" in opened(painted).text["parameters"]

    def test_frees(self, painter: Painter, model: Model) -> None:
        """Unloading leaves no module behind, also after a painting that was cut short."""
        import torch

        def modules() -> int:
            return sum(issubclass(type(thing), torch.nn.Module) for thing in gc.get_objects())

        before = modules()
        own = WuerstchenPainter()
        own.load(lambda fraction, what: None)
        assert modules() > before

        def stop(step: object) -> None:
            raise PaintCancelled

        with pytest.raises(PaintCancelled):
            self.paint_with(own, model, stop)
        own.unload()
        assert modules() == before

    def test_out_of_memory(self, painter: Painter, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        """Too little memory fails the order with its own word, other faults with theirs; it paints on."""
        import torch

        faults = {
            "painter-out-of-memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
            "painter-broke": RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more"),
        }
        denoiser = painter._loaded.model.decoder.denoiser  # type: ignore[attr-defined]
        for key, fault in faults.items():
            with monkeypatch.context() as patched:
                patched.setattr(denoiser, "forward", raising(fault))
                with pytest.raises(PaintFailed, match=key):
                    self.paint(painter, self.order(model))
        assert len(self.paint(painter, self.order(model))) == 1

    def test_no_room_on_the_cpu(
        self, painter: Painter, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The CPU's allocator says it in its own way."""
        import torch

        denoiser = painter._loaded.model.prior.denoiser  # type: ignore[attr-defined]
        monkeypatch.setattr(denoiser, "forward", lambda *inputs: torch.empty(1 << 60))
        with pytest.raises(PaintFailed, match="painter-out-of-memory"):
            self.paint(painter, self.order(model))

    def paint_with(self, painter: Painter, model: Model, on_step: Any) -> None:
        """Paint a whole order with a listener."""
        list(painter.paint(self.order(model), on_step))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the published shape in a folder, with tiny random weights."""
    needs_torch()
    return save_tiny_wuerstchen(tmp_path_factory.mktemp("моя модель") / "tiny")


def test_folder(tiny: Path) -> None:
    """A model from a folder announces the published sizes, 1024 x 1024 first, and paints them."""
    painter = WuerstchenPainter(str(tiny), threads=1, precision="fp32")
    model = painter.load(lambda fraction, what: None)
    assert (model.name, model.languages) == ("wuerstchen:tiny", ("en",))
    assert model.sizes[0] == (1024, 1024)
    assert (len(model.sizes), min(model.sizes), max(model.sizes)) == (81, (512, 512), (1536, 1536))
    order = PaintOrder(prompt="a cat", width=400, height=500, level="fast")
    [painted] = painter.paint(order, lambda step: None)
    assert (painted.painted_width, painted.painted_height) == (512, 640)
    assert opened(painted).size == (400, 500)


class Half:
    """A tiny model at work in less than fp32, whose decoder gives numbers that are none, some of the time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, always: bool) -> None:
        from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt

        from prompt2pic.painters.wuerstchen_quick import Decoder

        self.calls: list[object] = []
        self.painter = WuerstchenPainter(str(folder), threads=1, precision="bf16")
        self.painter.load(lambda fraction, what: None)
        for kind in (Decoder, WuerstchenDiffNeXt):  # ours, and the one that paints in fp32
            self._spoil(kind, monkeypatch, always)

    def _spoil(self, kind: Any, monkeypatch: pytest.MonkeyPatch, always: bool) -> None:
        import torch

        forward = kind.forward

        def run_away(module: Any, sample: torch.Tensor, *inputs: object, **options: object) -> torch.Tensor:
            self.calls.append(sample.dtype)
            seen: torch.Tensor = forward(module, sample, *inputs, **options)
            return seen * torch.nan if always or sample.dtype == torch.bfloat16 else seen

        monkeypatch.setattr(kind, "forward", run_away)


def test_loading_in_fp32_is_no_silence(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the model is loaded once more the painter gives signs of life, lest it be taken for hung."""
    half = Half(tiny, monkeypatch, always=False)
    steps: list[Step] = []
    list(half.painter.paint(ORDER, steps.append))
    told = [step.step for step in steps]
    assert told.count(1) > 3
    assert told[-1] == steps[-1].steps


@pytest.mark.parametrize("room", [4, 2, 1])
def test_a_batch(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Pictures that are painted at once are those of their seeds, and are told of as if they came one by one.

    Where memory has no room for all of them they are painted in smaller parts.
    """
    needs_torch()
    from prompt2pic.painters import wuerstchen

    inner, sizes = wuerstchen._paint, []

    def paint(*given: Any) -> Any:
        seeds = given[3]
        sizes.append(len(seeds))
        if len(seeds) > room:
            raise PaintFailed("painter-out-of-memory")
        return inner(*given)

    monkeypatch.setattr(wuerstchen, "_paint", paint)
    order = PaintOrder(prompt="a cat", width=128, height=128, level="fast", count=5, seed=3)
    alone, together = (WuerstchenPainter(precision="fp32", batch=n) for n in (1, 4))
    steps: list[Step] = []
    for painter in (alone, together):
        painter.load(lambda fraction, what: None)
    pictures = list(together.paint(order, steps.append))
    assert sizes == {4: [4, 1], 2: [4, 2, 2, 1], 1: [4, 2, 1, 1, 2, 1, 1, 1]}[room]
    assert [picture.seed for picture in pictures] == [3, 4, 5, 6, 7]
    for picture, right in zip(pictures, alone.paint(order, lambda step: None), strict=True):
        pairs = zip(opened(picture).tobytes(), opened(right).tobytes(), strict=True)
        assert max(abs(one - other) for one, other in pairs) <= 2
    told = [(step.picture, step.step) for step in steps]
    assert told == sorted(set(told))
    assert {
        (number, steps[0].steps) for number in range(5) if room == 1 or number in (room - 1, 3, 4)
    } <= set(told)


ORDER = PaintOrder(prompt="a cat", width=512, height=512, level="fast")


def test_runaway_numbers(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that run away in half precision are noticed in the step, and the picture is painted in fp32."""
    import torch

    half = Half(tiny, monkeypatch, always=False)
    [painted] = half.painter.paint(ORDER, lambda step: None)
    assert opened(painted).getextrema() != ((0, 0),) * 3
    assert half.calls[0] == torch.bfloat16
    assert set(half.calls[1:]) == {torch.float32}


def test_numbers_that_run_away_twice(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where fp32 does no better the picture fails with its sentence, after one step of each."""
    half = Half(tiny, monkeypatch, always=True)
    with pytest.raises(PaintFailed, match="picture-not-finite"):
        list(half.painter.paint(ORDER, lambda step: None))
    assert len(half.calls) == 2
    assert half.painter._loaded is not None


def raising(fault: Exception) -> Any:
    """Return a function that raises."""

    def forward(*inputs: object, **options: object) -> None:
        raise fault

    return forward


@pytest.mark.parametrize("spec", ["", "stub", "wuerstchen2", "stable-diffusion:x", "sd:", "WUERSTCHEN"])
def test_unknown_painter(spec: str) -> None:
    """What names no painter is refused with what was said; `stub` lacks its seconds."""
    key = "painter-stub-seconds" if spec == "stub" else "painter-unknown"
    with pytest.raises(Problem) as refused:
        make_painter(spec)
    assert (refused.value.key, refused.value.args_by_name) == (key, {"painter": spec})


@pytest.mark.parametrize("spec", ["stub:", "stub:soon", "stub:-1", "stub:nan", "stub:inf"])
def test_wrong_seconds(spec: str) -> None:
    """A stub needs a number of seconds."""
    with pytest.raises(Problem, match="painter-stub-seconds"):
        make_painter(spec)


def test_known_painters() -> None:
    """The three forms of the setting give their painters."""
    assert isinstance(make_painter("stub:0.05"), StubPainter)
    assert isinstance(make_painter("wuerstchen"), WuerstchenPainter)
    assert isinstance(make_painter(" wuerstchen:warp-ai/wuerstchen "), WuerstchenPainter)


def test_without_libraries() -> None:
    """Where torch is not installed, loading says so in a Problem."""
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from prompt2pic.core.errors import PaintFailed; from prompt2pic.painters import make_painter\n"
        "try: make_painter('wuerstchen').load(print)\n"
        "except PaintFailed as failed: sys.exit(failed.key != 'painter-libraries-missing')\n"
        "sys.exit(2)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_alone_and_offline(tmp_path: Path) -> None:
    """The built-in model loads and paints in a process of its own without hub, home or a word said."""
    needs_torch()
    script = (
        "from prompt2pic.painters import make_painter; from prompt2pic.core.ports import PaintOrder\n"
        "painter = make_painter('wuerstchen'); painter.load(lambda fraction, what: None)\n"
        "order = PaintOrder(prompt='кот', width=128, height=128, level='fast')\n"
        "assert len(list(painter.paint(order, lambda step: None))) == 1\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
