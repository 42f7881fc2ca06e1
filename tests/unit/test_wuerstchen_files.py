"""Where a Würstchen checkpoint is looked for, and what is said where it is not."""

import errno
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.wuerstchen_files import find_checkpoint, read_json, read_numbers

COMMIT = "0" * 40
REPOS = {
    "/our/model": {"model_index.json": b'{"latent_dim_scale": 4}', "decoder/weights.bin": b"a pickle"},
    "/our/model-prior": {"model_index.json": b'{"latent_mean": 2}', "prior/config.json": b"{}"},
}


class HubHandler(BaseHTTPRequestHandler):
    """The few answers of a model hub that a download needs."""

    def log_message(self, *args: object) -> None:
        """Keep still."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer what a repository is, what it holds, and its files."""
        path = self.path.partition("?")[0]
        for name, files in REPOS.items():
            if path == f"/api/models{name}/revision/main":
                return self._answer(json.dumps({"id": name[1:], "sha": COMMIT, "siblings": []}).encode())
            if path == f"/api/models{name}/tree/{COMMIT}":
                return self._answer(json.dumps([_entry(file, data) for file, data in files.items()]).encode())
            for file, data in files.items():
                if path == f"{name}/resolve/{COMMIT}/{file}":
                    return self._answer(data)
        return self._answer(b"{}", 401)  # what the hub says of a repository that is not there

    def _answer(self, data: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{len(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if status == 401:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


def _entry(file: str, data: bytes) -> dict[str, object]:
    return {"type": "file", "path": file, "size": len(data), "oid": "1"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A model hub of our own with an empty cache."""
    constants = pytest.importorskip(
        "huggingface_hub", reason="the painter's libraries are not installed"
    ).constants
    server = ThreadingHTTPServer(("127.0.0.1", 0), HubHandler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    yield server
    server.shutdown()
    server.server_close()


def test_built_in() -> None:
    """No source means the model in this package."""
    folders = find_checkpoint("")
    assert read_numbers(folders)["resolution_multiple"] == 16.0
    assert (folders.prior.name, folders.decoder.name) == ("prior", "decoder")


def test_folder(tmp_path: Path) -> None:
    """A folder that is there is taken, whatever its name looks like."""
    folder = tmp_path / "warp-ai" / "wuerstchen"
    folder.mkdir(parents=True)
    assert find_checkpoint(str(folder)).decoder == folder / "decoder"


@pytest.mark.parametrize(
    "source",
    ["/no/such/folder", "./nothing", "~/nothing-here", "~nobody-here/x", "justaname", "a/b/c", "a b/c"],
)
def test_neither_folder_nor_name(source: str) -> None:
    """What is neither a folder nor a name on the hub is named in the error, and nobody is asked for it."""
    with pytest.raises(PaintFailed) as failed:
        find_checkpoint(source)
    assert failed.value.key == "model-not-found"
    assert failed.value.args_by_name == {"source": source}


def test_download(hub: ThreadingHTTPServer) -> None:
    """A name brings the model and its prior into the cache, without what could hold a pickle."""
    folders = find_checkpoint("our/model")
    numbers = read_numbers(folders)
    assert (numbers["latent_mean"], numbers["latent_dim_scale"]) == (2.0, 4.0)
    assert (numbers["latent_std"], numbers["resolution_multiple"]) == (1.0, 42.67)
    assert (folders.prior / "prior" / "config.json").exists()
    assert not (folders.decoder / "decoder").exists()


def test_cached(hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was downloaded once is found without the network."""
    downloaded = find_checkpoint("our/model")
    hub.shutdown()
    hub.server_close()
    assert find_checkpoint("our/model") == downloaded


def test_not_on_hub(hub: ThreadingHTTPServer) -> None:
    """A name that the hub does not have is told by name."""
    with pytest.raises(PaintFailed, match=r"model-not-on-hub.*our/other-prior"):
        find_checkpoint("our/other")


def test_no_network(hub: ThreadingHTTPServer) -> None:
    """Without the network the error names the model and the reason."""
    hub.shutdown()
    hub.server_close()
    with pytest.raises(PaintFailed, match=r"model-hub-unreachable.*our/model-prior.*refused"):
        find_checkpoint("our/model")


def test_disk_full(hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told as such."""

    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(PaintFailed, match="model-disk-full"):
        find_checkpoint("our/model")


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff"])
def test_broken_json(tmp_path: Path, text: str) -> None:
    """A broken file of a checkpoint is told with its path."""
    path = tmp_path / "model_index.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PaintFailed, match=r"model-file-broken.*model_index"):
        read_json(path)


def test_not_a_checkpoint(tmp_path: Path) -> None:
    """A folder without a model is told by the file that it lacks."""
    with pytest.raises(PaintFailed, match=r"model-file-missing.*prior/model_index\.json"):
        read_numbers(find_checkpoint(str(tmp_path)))


def test_no_number(tmp_path: Path) -> None:
    """A number of a checkpoint that is none is told with its file."""
    for half in ("prior", "decoder"):
        (tmp_path / half).mkdir()
        (tmp_path / half / "model_index.json").write_text('{"latent_mean": null}')
    with pytest.raises(PaintFailed, match=r"model-file-broken.*prior/model_index"):
        read_numbers(find_checkpoint(str(tmp_path)))
