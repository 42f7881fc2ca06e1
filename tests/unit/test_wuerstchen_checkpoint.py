"""What is said of Würstchen checkpoints that can not be loaded, and what comes of those that can."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.wuerstchen_files import find_checkpoint
from tests.tiny_wuerstchen import save_tiny_wuerstchen

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

WEIGHTS = "diffusion_pytorch_model.safetensors"


def load(folder: Path, heard: list[tuple[float, str]] | None = None) -> Any:
    """Return the loaded checkpoint."""
    from prompt2pic.painters.wuerstchen_checkpoint import load_checkpoint

    told = heard if heard is not None else []
    folders = find_checkpoint(str(folder))
    return load_checkpoint(folders, torch.device("cpu"), torch.float32, lambda *what: told.append(what))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_wuerstchen(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny(saved: Path, tmp_path: Path) -> Path:
    """A copy to be broken."""
    return Path(shutil.copytree(saved, tmp_path / "tiny"))


def cut(path: Path) -> None:
    """Break off the second half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def drop_a_tensor(path: Path) -> None:
    """Leave out one tensor of a weights file."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, path, metadata={"format": "pt"})


def pickle_instead(path: Path) -> None:
    """Offer a pickle in place of a safetensors file."""
    torch.save({}, path.with_suffix(".bin"))
    path.unlink()


def be_another(path: Path) -> None:
    """Name another architecture in a config."""
    path.write_text(json.dumps({**json.loads(path.read_text()), "_class_name": "UNet2DConditionModel"}))


def be_wider(path: Path) -> None:
    """Claim another width than the weights have."""
    path.write_text(json.dumps({**json.loads(path.read_text()), "c": 64}))


def test_loaded(tiny: Path) -> None:
    """A good checkpoint is loaded in the asked precision, ready to infer, while the progress grows."""
    heard: list[tuple[float, str]] = []
    model = load(tiny, heard)
    assert (model.latent_mean, model.latent_std) == (42.0, 1.0)
    assert (model.resolution_multiple, model.latent_dim_scale) == (42.67, 10.67)
    for module in (model.prior.denoiser, model.prior.text_encoder, model.decoder.denoiser, model.vqgan):
        assert not module.training
        assert {weights.dtype for weights in module.parameters()} == {torch.float32}
    fractions = [fraction for fraction, what in heard]
    assert fractions == sorted(fractions)


def test_quiet(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Loading prints nothing: no bars, no advice of the libraries."""
    load(tiny)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("file", "breaks", "key"),
    [
        (f"prior/prior/{WEIGHTS}", cut, "model-file-broken"),
        (f"prior/prior/{WEIGHTS}", drop_a_tensor, "model-file-broken"),
        (f"decoder/decoder/{WEIGHTS}", pickle_instead, "model-file-broken"),
        (f"decoder/vqgan/{WEIGHTS}", Path.unlink, "model-file-broken"),
        ("prior/text_encoder/model.safetensors", cut, "model-file-broken"),
        ("prior/text_encoder/model.safetensors", drop_a_tensor, "model-file-broken"),
        ("prior/text_encoder/model.safetensors", pickle_instead, "model-file-broken"),
        ("prior/tokenizer/tokenizer.json", cut, "model-file-broken"),
        ("prior/tokenizer/tokenizer.json", Path.unlink, "model-file-missing"),
        ("prior/tokenizer", shutil.rmtree, "model-file-missing"),
        ("prior/prior/config.json", cut, "model-file-broken"),
        ("prior/prior/config.json", be_wider, "model-file-broken"),
        ("prior/prior/config.json", be_another, "model-wrong-architecture"),
        ("decoder/text_encoder/config.json", be_another, "model-wrong-architecture"),
        ("decoder/scheduler", shutil.rmtree, "model-file-missing"),
        ("decoder", shutil.rmtree, "model-file-missing"),
    ],
)
def test_broken(tiny: Path, file: str, breaks: Callable[[Path], None], key: str) -> None:
    """What is missing or broken is told with its path, and never unpickled."""
    breaks(tiny / file)
    with pytest.raises(PaintFailed) as failed:
        load(tiny)
    assert failed.value.key == key
    assert str(tiny / Path(file).parent) in str(failed.value.args_by_name["path"])
