"""The painter of Stable Diffusion passes the suite of painters, from a folder and from a single file."""

import gc
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from prompt2pic.core.errors import PaintCancelled, PaintFailed
from prompt2pic.core.ports import Model, Painter, PaintOrder
from prompt2pic.painters import make_painter
from prompt2pic.painters.stable_diffusion import StableDiffusionPainter
from tests.conformance.painter_suite import PainterSuite, opened
from tests.tiny_stable_diffusion import (
    original_unet,
    original_vae,
    save_as_one_file,
    save_tiny_stable_diffusion,
)

for library in ("PIL", "torch", "diffusers", "transformers"):
    pytest.importorskip(library, reason="the painter's libraries are not installed")

ORDER = PaintOrder(prompt="a cat", width=256, height=256, level="fast", seed=3)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in the published folders, with tiny random weights."""
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("моя модель") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def silent(fraction: float, what: str) -> None:
    """Hear what a painter does while it loads."""


class TestStableDiffusion(PainterSuite):
    """A model in a folder."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_painter(cls, tiny: Path) -> Painter:
        return StableDiffusionPainter(str(tiny), threads=1)

    def test_sizes(self, model: Model) -> None:
        """Every multiple of 64 from 256 to 1024 is announced, the size of the training first."""
        assert (model.name, model.languages, model.sizes[0]) == ("sd:tiny", ("en",), (256, 256))
        assert (len(model.sizes), min(model.sizes), max(model.sizes)) == (169, (256, 256), (1024, 1024))
        assert all(side % 64 == 0 for size in model.sizes for side in size)

    def test_words(self, painter: Painter, model: Model) -> None:
        """Prompt and negative prompt both reach the picture."""
        orders = [{}, {"prompt": "ночной лес"}, {"negative": "noise"}]
        pictures = [self.paint(painter, self.order(model, **changes))[0] for changes in orders]
        assert len({opened(painted).tobytes() for painted in pictures}) == 3

    def test_frees(self, painter: Painter, tiny: Path) -> None:
        """Unloading leaves no module behind, also after a painting that was cut short."""
        import torch

        def modules() -> int:
            gc.collect()
            return sum(issubclass(type(thing), torch.nn.Module) for thing in gc.get_objects())

        before = modules()
        own = StableDiffusionPainter(str(tiny), threads=1)
        own.load(silent)
        assert modules() > before

        def stop(step: object) -> None:
            raise PaintCancelled

        with pytest.raises(PaintCancelled):
            list(own.paint(ORDER, stop))
        own.unload()
        assert modules() == before

    @pytest.mark.parametrize(
        ("fault", "key"),
        [
            (MemoryError(), "painter-out-of-memory"),
            (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "painter-out-of-memory"),
            (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "painter-broke"),
        ],
    )
    def test_faults(
        self, painter: Painter, model: Model, fault: Exception, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Too little memory fails the order with its own word, other faults with theirs; it paints on."""

        def forward(*inputs: object, **options: object) -> None:
            raise fault

        unet = painter._loaded.pipeline.unet  # type: ignore[attr-defined]
        with monkeypatch.context() as patched:
            patched.setattr(unet, "forward", forward)
            with pytest.raises(PaintFailed, match=key):
                self.paint(painter, self.order(model))
        assert len(self.paint(painter, self.order(model))) == 1

    def test_numbers_that_run_away(
        self, painter: Painter, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Latents that are no numbers fail the order with a sentence, at the first such step."""
        unet = painter._loaded.pipeline.unet  # type: ignore[attr-defined]
        plain = unet.forward
        monkeypatch.setattr(unet, "forward", lambda *a, **o: (plain(*a, **o)[0] * float("nan"),))
        with pytest.raises(PaintFailed, match="picture-not-finite"):
            list(painter.paint(self.order(model), lambda step: pytest.fail("it went on")))


def test_numbers_that_run_away_in_half(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture whose numbers run away in half precision is painted once more, in fp32."""
    import torch
    from diffusers import UNet2DConditionModel

    plain, calls = UNet2DConditionModel.forward, []

    def run_away(unet: Any, sample: torch.Tensor, *rest: Any, **options: Any) -> Any:
        calls.append(sample.dtype)
        noise = plain(unet, sample, *rest, **options)[0]
        return (noise * torch.nan if sample.dtype == torch.bfloat16 else noise,)

    painter = StableDiffusionPainter(str(tiny), threads=1)
    painter.load(silent)
    painter._loaded.pipeline.to(torch.bfloat16)  # type: ignore[union-attr]
    monkeypatch.setattr(UNet2DConditionModel, "forward", run_away)
    [painted] = painter.paint(ORDER, lambda step: None)
    assert opened(painted).getextrema() != ((0, 0),) * 3
    assert calls[0] == torch.bfloat16
    assert set(calls[1:]) == {torch.float32}


def test_single_file(tiny: Path, tmp_path: Path) -> None:
    """A file of the original layout, its shapes beside it, gives the very pictures of the folder."""
    file = save_as_one_file(tiny, tmp_path / "один файл.safetensors")
    painters = [StableDiffusionPainter(str(place), threads=1) for place in (tiny, file)]
    assert [painter.load(silent).name for painter in painters] == ["sd:tiny", "sd:один файл"]
    [[folder], [single]] = [list(painter.paint(ORDER, lambda step: None)) for painter in painters]
    assert opened(folder).tobytes() == opened(single).tobytes()


def test_names_of_the_real_model() -> None:
    """The shapes that the package keeps for single files are those of SD 1.5: the published counts of weights."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from tests.tiny_stable_diffusion import PACKAGE

    configs = {
        name: json.loads((PACKAGE / "sd15" / name / "config.json").read_text())
        for name in ("unet", "vae", "text_encoder")
    }
    with torch.device("meta"):
        unet, vae = (
            kind.from_config(configs[name])
            for kind, name in ((UNet2DConditionModel, "unet"), (AutoencoderKL, "vae"))
        )
        words = CLIPTextModel(CLIPTextConfig(**configs["text_encoder"]))
    counts = [sum(weights.numel() for weights in module.parameters()) for module in (unet, vae, words)]
    assert counts == [859_520_964, 83_653_863, 123_060_480]
    names = set(map(original_unet, unet.state_dict()))
    assert {"input_blocks.1.1.proj_in.weight", "output_blocks.11.0.skip_connection.weight"} <= names
    assert "decoder.up.3.block.0.nin_shortcut.weight" not in map(original_vae, vae.state_dict())


@pytest.mark.parametrize("source", ["/nowhere/model", "./none.safetensors", "no name", "a/b/c"])
def test_missing(source: str) -> None:
    """What is neither a folder, a file nor a name on the hub is refused with what was said."""
    with pytest.raises(PaintFailed, match="model-sd-not-found") as failed:
        make_painter(f"sd:{source}").load(silent)
    assert failed.value.args_by_name == {"source": source}


def test_pickle(tmp_path: Path) -> None:
    """A checkpoint that could run a program is never opened."""
    (tmp_path / "model.ckpt").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(PaintFailed, match="model-not-safetensors"):
        make_painter(f"sd:{tmp_path / 'model.ckpt'}").load(silent)


def test_pickle_in_a_folder(copy: Path) -> None:
    """A folder whose weights are a pickle counts as one without weights."""
    (copy / "unet" / "diffusion_pytorch_model.safetensors").rename(
        copy / "unet" / "diffusion_pytorch_model.bin"
    )
    with pytest.raises(PaintFailed, match="model-file-broken"):
        make_painter(f"sd:{copy}").load(silent)


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "unet/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer.json",
        "vae/config.json",
    ],
)
def test_missing_file(copy: Path, name: str) -> None:
    """A folder that lacks a file is refused with the file's name."""
    (copy / name).unlink()
    with pytest.raises(PaintFailed, match="model-file-missing") as failed:
        make_painter(f"sd:{copy}").load(silent)
    assert str(failed.value.args_by_name["path"]).endswith(name)


@pytest.mark.parametrize("module", ["unet", "vae"])
def test_cut_short(copy: Path, module: str) -> None:
    """Weights that were copied in part are refused."""
    file = copy / module / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(PaintFailed, match="model-file-broken"):
        make_painter(f"sd:{copy}").load(silent)


def test_lacking_weights(copy: Path) -> None:
    """A module that lacks one of its weights is refused with the weight's name, rather than painting noise."""
    from safetensors.torch import load_file, save_file

    file = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    del weights["conv_out.bias"]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(PaintFailed, match=r"model-file-broken.*conv_out\.bias"):
        make_painter(f"sd:{copy}").load(silent)


@pytest.mark.parametrize("found", ["StableDiffusionXLPipeline", "WuerstchenDecoderPipeline"])
def test_wrong_architecture(copy: Path, found: str) -> None:
    """A folder of another model is refused with the model's name."""
    (copy / "model_index.json").write_text(json.dumps({"_class_name": found}))
    with pytest.raises(PaintFailed, match="model-wrong-architecture") as failed:
        make_painter(f"sd:{copy}").load(silent)
    assert failed.value.args_by_name["found"] == found


def test_broken_single_files(tiny: Path, tmp_path: Path) -> None:
    """A single file is refused where it is cut short, lacks a weight or is of another model."""
    from safetensors.torch import load_file, save_file

    file = save_as_one_file(tiny, tmp_path / "one.safetensors")
    whole, weights = file.read_bytes(), load_file(file)
    file.write_bytes(whole[:-100])
    with pytest.raises(PaintFailed, match="model-file-broken"):
        make_painter(f"sd:{file}").load(silent)
    lacking = {key: value for key, value in weights.items() if not key.endswith("out.2.bias")}
    save_file(lacking, file)
    with pytest.raises(PaintFailed, match="model-file-broken"):
        make_painter(f"sd:{file}").load(silent)
    save_file({key.replace("cond_stage_model", "conditioner"): value for key, value in weights.items()}, file)
    with pytest.raises(PaintFailed, match="model-wrong-architecture"):
        make_painter(f"sd:{file}").load(silent)
