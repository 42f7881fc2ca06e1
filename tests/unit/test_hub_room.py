"""Whether there is memory for a model is asked before its weights are downloaded."""

from pathlib import Path

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters import hub

FILES = [hub._File("prior/model.safetensors", 8_000_000_000, None, None), hub._File("x.json", 10, None, None)]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 4 GB of free memory, a large disk and no GPU."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n")
    monkeypatch.setattr(hub, "_MEMINFO", meminfo)
    monkeypatch.setattr(hub, "_NVIDIA", tmp_path / "nvidia")
    monkeypatch.setattr(hub, "_free_disk", lambda folder: 1 << 50)
    return tmp_path


def test_too_little_memory(machine: Path) -> None:
    """Weights that are larger than the free memory are refused with both numbers."""
    with pytest.raises(PaintFailed) as failed:
        hub._check_room("our/model", machine / "cache", FILES, FILES)
    assert failed.value.key == "model-memory-small"
    assert failed.value.args_by_name == {"name": "our/model", "needed": 8.0, "free": 4.1}


def test_a_gpu_has_memory_of_its_own(machine: Path) -> None:
    """With a GPU the main memory says nothing."""
    (machine / "nvidia").mkdir()
    hub._check_room("our/model", machine / "cache", FILES, FILES)


def test_what_is_there_is_not_asked_about(machine: Path) -> None:
    """A model that was downloaded already is tried."""
    hub._check_room("our/model", machine / "cache", [], FILES)
