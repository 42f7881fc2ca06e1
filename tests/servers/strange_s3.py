"""A tiny S3 that misbehaves where a real one does so only on a bad day."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prompt2pic.store import S3Options


class StrangeS3(ThreadingHTTPServer):
    """Holds objects by their path; `loses_answers` counts the puts it will do without telling."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.ignores_conditions = False
        self.is_no_s3 = False
        self.loses_answers = 0

    @property
    def options(self) -> S3Options:
        """Return how to reach it."""
        return S3Options(
            endpoint=f"http://127.0.0.1:{self.server_port}", access_key="key", secret_key="secret"
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StrangeS3

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if (
            "If-None-Match" in self.headers
            and not self.server.ignores_conditions
            and self.path in self.server.objects
        ):
            self._answer(412)
            return
        self.server.objects[self.path] = data
        if self.server.loses_answers:
            self.server.loses_answers -= 1
            self.close_connection = True
            return
        self._answer(200)

    def do_GET(self) -> None:
        if self.server.is_no_s3:
            self._answer(404)
        elif self.path in self.server.objects:
            self._answer(200, self.server.objects[self.path])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_DELETE(self) -> None:
        self.server.objects.pop(self.path, None)
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"tag"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def strange_s3() -> Iterator[StrangeS3]:
    """Run one."""
    with StrangeS3() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
