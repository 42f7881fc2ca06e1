"""A model hub of our own: a few repositories over real HTTP, with the faults that a network has."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT, OLDER = "0" * 40, "1" * 40
_CHUNK = 1 << 20  # bytes


class Hub(ThreadingHTTPServer):
    """Serves `repos` (name -> file -> bytes); files that end in `safetensors` have a SHA-256, others git's hash.

    `cut` breaks off the next answers with a file after so many bytes, `wrong` names files that arrive altered,
    `refusals` maps repositories to (status, error code), `slow` is a pause in seconds before each chunk.
    """

    daemon_threads = True

    def __init__(self, repos: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos = repos
        self.cuts: list[int] = []
        self.wrong: set[str] = set()
        self.refusals: dict[str, tuple[int, str]] = {}
        self.sizes: dict[str, int] = {}
        self.slow = 0.0
        self.commit = COMMIT
        self.asked: list[tuple[str, str, str]] = []

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep still: clients that go are part of the game."""


@contextmanager
def serving(repos: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    """Have a hub while the context lasts."""
    hub = Hub(repos)
    threading.Thread(target=hub.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


def blob(data: bytes) -> str:
    """Return git's hash of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, path, self.headers.get("Range", "")))
        for name, files in self.server.repos.items():
            if path.startswith((f"/{name}/", f"/api/models/{name}/")):
                return self._of_repo(name, files, path)
        return self._refuse(401, "RepoNotFound")  # what the hub says of a repository that is not there

    def _of_repo(self, name: str, files: dict[str, bytes], path: str) -> None:
        if name in self.server.refusals:
            return self._refuse(*self.server.refusals[name])
        known = {
            "main": self.server.commit,
            "v1": OLDER,
            self.server.commit: self.server.commit,
            OLDER: OLDER,
        }
        kind, _, rest = path.partition(f"{name}/")[2].partition("/")
        revision, _, file = rest.partition("/")
        if revision not in known:
            return self._refuse(404, "RevisionNotFound")
        if kind == "revision":
            siblings = [self._sibling(path, data) for path, data in files.items()]
            return self._json({"id": name, "sha": known[revision], "siblings": siblings})
        return (
            self._file(file, files[file], known[revision])
            if file in files
            else self._refuse(404, "EntryNotFound")
        )

    def _sibling(self, path: str, data: bytes) -> dict[str, object]:
        size = self.server.sizes.get(path, len(data))
        told: dict[str, object] = {"rfilename": path, "size": size, "blobId": blob(data)}
        if path.endswith("safetensors"):
            told["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 130}
        return told

    def _file(self, file: str, data: bytes, commit: str) -> None:
        begin = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        sent = (b"\0" * len(data) if file in self.server.wrong else data)[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("ETag", f'"{blob(data)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", str(len(sent)))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "GET":
            self._send(sent)

    def _send(self, data: bytes) -> None:
        cut = self.server.cuts.pop(0) if self.server.cuts and len(data) > _CHUNK else len(data)
        for start in range(0, cut, _CHUNK):
            time.sleep(self.server.slow)
            self.wfile.write(data[start : min(cut, start + _CHUNK)])
        self.close_connection = cut < len(data)

    def _json(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
