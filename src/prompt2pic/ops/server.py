"""The port for operators: /metrics, /healthz and /readyz."""

import errno
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import msgspec

from prompt2pic.core.errors import Problem
from prompt2pic.ops.health import Health, Report
from prompt2pic.ops.metrics import CONTENT_TYPE, Metrics


class Answer(NamedTuple):
    """An HTTP answer: status, content type and body."""

    status: int
    type: str
    body: bytes


Look = Callable[[], None]
"""Brings the gauges up to date before a scrape."""


def answer(path: str, health: Health, exposition: Callable[[], bytes] | None = None) -> Answer | None:
    """Return the answer to GET `path`, None where it is none of ours; ports that people reach have it, too.

    Those pass no `exposition`: how much there is to do is for operators only.
    """
    match path.partition("?")[0]:
        case "/metrics" if exposition is not None:
            return Answer(200, CONTENT_TYPE, exposition())
        case "/healthz":
            return _told(health.alive())
        case "/readyz":
            return _told(health.ready())
    return None


def exposing(metrics: Metrics, look: Look) -> Callable[[], bytes]:
    """Return what shows the metrics as they are after a look."""

    def exposition() -> bytes:
        look()
        return metrics.exposition()

    return exposition


def _told(report: Report) -> Answer:
    return Answer(200 if report.well else 503, "application/json", msgspec.json.encode(report._asdict()))


class OpsServer:
    """Serves `answer` at its own port in a daemon thread; `look` is called in another one.

    Raises Problem where the port is taken.
    """

    def __init__(
        self, host: str, port: int, metrics: Metrics, health: Health, look: Look = lambda: None
    ) -> None:
        shown = exposing(metrics, look)
        try:
            self._server = _Server((host, port), _handler(lambda path: answer(path, health, shown)))
        except OSError as error:
            raise _not_listening(error, host, port) from None
        self.port = int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, name="ops", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _not_listening(error: OSError, host: str, port: int) -> Problem:
    if error.errno == errno.EADDRINUSE:
        return Problem("port-in-use", port=str(port), setting="PROMPT2PIC_METRICS_PORT")
    return Problem("address-unusable", host=host, port=str(port), why=error.strerror or str(error))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a scraper that keeps its connection must not keep the process


def _handler(respond: Callable[[str], Answer | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds

        def do_GET(self) -> None:
            status, kind, body = respond(self.path) or Answer(404, "text/plain", b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: probes come every few seconds."""

    return Handler
