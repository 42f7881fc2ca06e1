"""Whether there is memory for a model is asked before its weights are downloaded."""

from pathlib import Path

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters import hub, room

FILES = [hub._File("prior/model.safetensors", 8_000_000_000, None, None), hub._File("x.json", 10, None, None)]


def listed(name: str = "our/model") -> hub._Model:
    return hub._Model(name, "main", "1" * 40, FILES)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 4 GB of free memory, a large disk, no GPU and no limit."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n")
    monkeypatch.setattr(room, "_MEMINFO", meminfo)
    monkeypatch.setattr(room, "_NVIDIA", tmp_path / "nvidia")
    monkeypatch.setattr(room, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(hub, "free_disk", lambda folder: 1 << 50)
    monkeypatch.setattr(hub, "_home", lambda name: tmp_path / "cache" / name)
    return tmp_path


def test_too_little_memory(machine: Path) -> None:
    """Weights that are larger than the free memory are refused with both numbers."""
    with pytest.raises(PaintFailed) as failed:
        hub._check_room([listed()])
    assert failed.value.key == "model-memory-small"
    assert failed.value.args_by_name == {"name": "our/model", "needed": 8.0, "free": 4.1}


def test_a_container_has_less_than_its_machine(machine: Path) -> None:
    """What the container's limit leaves is the memory; files in its cache can be dropped."""
    (machine / "memory.max").write_text("3000000000\n")
    (machine / "memory.current").write_text("2000000000\n")
    (machine / "memory.stat").write_text("anon 500000000\ninactive_file 1500000000\n")
    assert room.memory_for_weights() == 2_500_000_000


@pytest.mark.parametrize(("memory", "enough"), [(3_000_000_000, False), (5_000_000_000, True), (None, False)])
def test_a_gpu_has_memory_of_its_own(
    machine: Path, monkeypatch: pytest.MonkeyPatch, memory: int | None, enough: bool
) -> None:
    """With a GPU the main memory says nothing; its own takes the weights at half their size. A driver is no GPU."""
    (machine / "nvidia").mkdir()
    monkeypatch.setattr(room, "_gpu", lambda: memory)
    if enough:
        hub._check_room([listed()])
        return
    with pytest.raises(PaintFailed, match="model-memory-small"):
        hub._check_room([listed()])


def test_a_machine_that_says_nothing(machine: Path) -> None:
    """Where nobody knows the memory, the model is tried."""
    (machine / "meminfo").unlink()
    assert room.memory_for_weights() is None


def test_what_is_there_is_not_asked_about(machine: Path) -> None:
    """A model that was downloaded already is tried."""
    model = listed()
    (model.folder / "prior").mkdir(parents=True)
    for file in FILES:
        (model.folder / file.path).touch()
    hub._check_room([model])


def test_a_disk_takes_all_halves_or_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has room for each half alone is too small for both."""
    monkeypatch.setattr(hub, "memory_for_weights", lambda: None)
    monkeypatch.setattr(hub, "free_disk", lambda folder: 12_000_000_000)
    halves = [listed("our/model-prior"), listed()]
    for half in halves:
        hub._check_room([half])
    with pytest.raises(PaintFailed) as failed:
        hub._check_room(halves)
    assert failed.value.key == "model-disk-small"
    told = {name: failed.value.args_by_name[name] for name in ("name", "needed", "free")}
    assert told == {"name": "our/model", "needed": 16.0, "free": 12.0}
