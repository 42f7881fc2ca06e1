"""Health and the operators' port."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from prompt2pic.core.errors import LogUnavailable, Problem
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.ops.server import OpsServer


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def server(health: Health) -> Iterator[OpsServer]:
    server = OpsServer("127.0.0.1", 0, Metrics(), health)
    yield server
    server.close()


def _get(server: OpsServer, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_without_checks_all_is_well(health: Health) -> None:
    """A process that has nothing to check is alive and ready."""
    assert health.ready() == health.alive() == (True, {})


def test_only_a_vital_check_says_that_a_restart_helps(health: Health) -> None:
    """A log that is away makes a process unready; killing it would not bring the log back."""
    health.add("log", lambda: "away")
    health.add("loop", lambda: None, vital=True)
    assert health.ready() == (False, {"log": "away", "loop": None})
    assert health.alive() == (True, {"loop": None})


@pytest.mark.parametrize("error", [LogUnavailable("log-away"), OSError("log-away")])
def test_a_check_that_raises_is_a_finding(health: Health, error: Exception) -> None:
    """Whatever a check raises is told, and the probe gets its answer."""

    def check() -> None:
        raise error

    health.add("log", check)
    ready = health.ready()
    assert not ready.well
    assert "log-away" in str(ready.checks["log"])


def test_the_port_answers_operators(server: OpsServer, health: Health) -> None:
    """Metrics and health are served, a failed check as 503, anything else as 404."""
    health.add("log", lambda: "away")
    assert _get(server, "/healthz")[0] == 200
    status, body = _get(server, "/readyz?verbose=1")
    assert (status, json.loads(body)) == (503, {"well": False, "checks": {"log": "away"}})
    status, body = _get(server, "/metrics")
    assert status == 200
    assert "prompt2pic_waiting_jobs" in body
    assert _get(server, "/")[0] == 404


def test_a_taken_port_is_told() -> None:
    """A port in use is a sentence that names it and its setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Problem, match="port-in-use") as caught:
            OpsServer("127.0.0.1", port, Metrics(), Health())
    assert caught.value.args_by_name == {"port": str(port), "setting": "PROMPT2PIC_METRICS_PORT"}


def test_an_address_of_another_machine_is_told() -> None:
    """An address that is not ours is a sentence, too."""
    with pytest.raises(Problem, match="address-unusable"):
        OpsServer("192.0.2.1", 0, Metrics(), Health())
