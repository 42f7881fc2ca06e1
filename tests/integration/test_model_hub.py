"""Downloads from a model hub over real HTTP: pinned, resumed, checked, and told in a sentence where they fail."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.hub import OLDER, Hub, serving

pytest.importorskip("huggingface_hub", reason="the painter's libraries are not installed")

LARGE = 96 * 1024  # times 256 bytes: the client writes in parts of 10 MB
WEIGHTS = "decoder/diffusion_pytorch_model.safetensors"
SCRIPT = """
import json, sys
from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.wuerstchen_files import find_checkpoint, revision_of
shares = []
try:
    folders = find_checkpoint(sys.argv[1], shares.append)
    found = {"prior": str(folders.prior), "decoder": str(folders.decoder), "revision": revision_of(folders)}
    print(json.dumps(found | {"shares": shares}))
except PaintFailed as failed:
    print(json.dumps({"key": failed.key, "args": failed.args_by_name, "shares": shares}))
"""


class Home:
    """A machine with an empty cache of models."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(folder),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def find(self, source: str = "our/model") -> dict[str, Any]:
        """Return what a process of its own finds, and the shares it was told of."""
        command = [sys.executable, "-c", SCRIPT, source]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def hub() -> Iterator[Hub]:
    repos = {
        "our/model": {
            "model_index.json": b'{"latent_dim_scale": 4}',
            WEIGHTS: bytes(range(256)) * LARGE,
            "decoder/weights.bin": b"a pickle",
        },
        "our/model-prior": {"model_index.json": b'{"latent_mean": 2}', "prior/config.json": b"{}"},
    }
    with serving(repos) as hub:
        yield hub


@pytest.fixture
def home(hub: Hub, tmp_path: Path) -> Home:
    return Home(hub, tmp_path)


def gets(hub: Hub) -> list[tuple[str, str]]:
    """Return the files that were sent, each with the range that was asked for."""
    return [(path, part) for how, path, part in hub.asked if how == "GET" and "/resolve/" in path]


def test_download(hub: Hub, home: Home) -> None:
    """A name brings the model and its prior, without what could hold a pickle, while the share of bytes grows."""
    found = home.find()
    assert (Path(found["decoder"]) / WEIGHTS).read_bytes() == hub.repos["our/model"][WEIGHTS]
    assert (Path(found["prior"]) / "prior/config.json").exists()
    assert not any("weights.bin" in path for path, _ in gets(hub))
    assert found["shares"] == sorted(found["shares"])
    assert found["shares"][-1] == 1.0


def test_pinned(hub: Hub, home: Home) -> None:
    """What was downloaded once stays, whatever the hub has by now, and needs no hub."""
    first = home.find()
    hub.commit = "2" * 40
    hub.asked.clear()
    again = home.find()
    assert (again["decoder"], again["shares"], hub.asked) == (first["decoder"], [], [])


@pytest.mark.parametrize("source", ["our/model@v1", f"our/model@{OLDER}", f"our/model@v1,{OLDER}"])
def test_revision(home: Home, source: str) -> None:
    """A revision is a tag, a branch or a commit: of both halves, or of each its own."""
    found = home.find(source)
    assert {Path(found[half]).name for half in ("prior", "decoder")} == {OLDER}
    assert found["revision"] == f"{OLDER},{OLDER}"


def test_unknown_revision(home: Home) -> None:
    """A revision that is not there is told by name."""
    found = home.find("our/model@v9")
    assert (found["key"], found["args"]["revision"]) == ("model-revision-missing", "v9")


def test_resumed(hub: Hub, home: Home) -> None:
    """A download that breaks off in the middle goes on where it was."""
    hub.cuts = [15_000_000]
    found = home.find()
    assert (Path(found["decoder"]) / WEIGHTS).read_bytes() == hub.repos["our/model"][WEIGHTS]
    ranges = [part for path, part in gets(hub) if path.endswith("safetensors")]
    assert len(ranges) == 2
    assert ranges[1].startswith("bytes=")
    assert int(ranges[1][6:].rstrip("-").partition("-")[0]) > 0


def test_wrong_bytes(hub: Hub, home: Home) -> None:
    """Bytes with a wrong checksum are asked for once more, then refused; nothing of them stays in use."""
    hub.wrong = {WEIGHTS}
    found = home.find()
    assert (found["key"], found["args"]["path"]) == ("model-download-wrong", WEIGHTS)
    assert len([path for path, _ in gets(hub) if path.endswith("safetensors")]) == 2
    hub.wrong = set()
    mended = Path(home.find()["decoder"]) / WEIGHTS
    assert mended.read_bytes() == hub.repos["our/model"][WEIGHTS]


def test_damaged_later(hub: Hub, home: Home) -> None:
    """A file that lost bytes after its download is noticed and downloaded again."""
    path = Path(home.find()["decoder"]) / WEIGHTS
    path.resolve().unlink()
    mended = Path(home.find()["decoder"]) / WEIGHTS
    assert mended.read_bytes() == hub.repos["our/model"][WEIGHTS]


@pytest.mark.parametrize(
    ("status", "code", "key"),
    [
        (401, "RepoNotFound", "model-not-on-hub"),
        (404, "RepoNotFound", "model-not-on-hub"),
        (403, "GatedRepo", "model-gated"),
        (429, "", "model-hub-unreachable"),
        (500, "", "model-hub-unreachable"),
    ],
)
def test_refused(hub: Hub, home: Home, status: int, code: str, key: str) -> None:
    """What the hub refuses is told by the model's name."""
    hub.refusals = {"our/model-prior": (status, code)}
    found = home.find()
    assert (found["key"], found["args"]["name"]) == (key, "our/model-prior")


def test_no_network(hub: Hub, home: Home) -> None:
    """Without the network the error names the model and the reason."""
    hub.shutdown()
    hub.server_close()
    found = home.find()
    assert (found["key"], found["args"]["name"]) == ("model-hub-unreachable", "our/model-prior")
    assert "refused" in found["args"]["reason"]


def test_no_room(hub: Hub, home: Home) -> None:
    """A model that is larger than the disk is refused before a byte of it, or of its prior, is asked for."""
    hub.sizes = {WEIGHTS: 1 << 50}
    found = home.find()
    assert (found["key"], found["args"]["needed"]) == ("model-disk-small", round((1 << 50) / 1e9, 1))
    assert gets(hub) == []


def test_slow(hub: Hub, home: Home) -> None:
    """A slow hub is waited for, and the bar moves within a file."""
    hub.slow = 0.02
    shares = home.find()["shares"]
    assert len([share for share in shares if 0.2 < share < 0.95]) >= 1
