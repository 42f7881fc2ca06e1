"""What is said of Würstchen checkpoints that can not be loaded, and what comes of those that can."""

import errno
import json
import shutil
import subprocess
import sys
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
    from prompt2pic.painters.wuerstchen_precision import FP32

    told = heard if heard is not None else []
    folders = find_checkpoint(str(folder))
    return load_checkpoint(folders, torch.device("cpu"), FP32, lambda *what: told.append(what))


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


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    ],
)
@pytest.mark.parametrize("where", ["from_config", "load_state_dict"])
def test_no_room(tiny: Path, monkeypatch: pytest.MonkeyPatch, where: str, fault: Exception) -> None:
    """Memory that runs out is told as that, with the model's size: in making it, and in filling it."""
    from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior

    def fail(*args: object, **options: object) -> None:
        raise fault

    monkeypatch.setattr(WuerstchenPrior, where, fail)
    with pytest.raises(PaintFailed) as failed:
        load(tiny)
    assert failed.value.key == "model-out-of-memory"
    assert failed.value.args_by_name["path"] == str(tiny / "prior" / "prior")


def test_real_shortage(tiny: Path) -> None:
    """A process that may not have the memory that its model takes says so, and is not killed for it."""
    be_large(tiny / "prior" / "prior")
    script = (
        "import resource, sys\n"
        "from prompt2pic.core.errors import PaintFailed\n"
        "from prompt2pic.painters.process import import_libraries\n"
        "from prompt2pic.painters.wuerstchen import WuerstchenPainter\n"
        "import_libraries('prompt2pic.painters.wuerstchen_flow')\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 600_000_000, -1))\n"
        "try: WuerstchenPainter(sys.argv[1], threads=1).load(lambda fraction, what: None)\n"
        "except PaintFailed as failed: print(failed.key)\n"
    )
    command = [sys.executable, "-c", script, str(tiny)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "model-out-of-memory\n", done.stderr


def be_large(folder: Path) -> None:
    """Have a module whose weights take a gigabyte and a half, nearly all of it in one tensor."""
    from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior

    wide = WuerstchenPrior(c_in=16, c=32, c_cond=6_000_000, depth=1, nhead=2)
    wide.save_pretrained(folder, max_shard_size="10GB")
