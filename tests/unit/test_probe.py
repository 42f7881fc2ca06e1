"""What a container's health check says, and where it finds it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prompt2pic.ops.health import Health
from prompt2pic.ops.linger import forget, why_file
from prompt2pic.ops.metrics import Metrics
from prompt2pic.ops.probe import wrong
from prompt2pic.ops.server import OpsServer


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for what is left there, which no other process looks at."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def port(health: Health) -> Iterator[int]:
    server = OpsServer("127.0.0.1", 0, Metrics(), health)
    yield server.port
    server.close()


@pytest.mark.parametrize(
    ("role", "others", "name"),
    [
        ("web", {}, "PORT"),
        ("bot", {}, "METRICS_PORT"),
        ("bot", {"PROMPT2PIC_TELEGRAM_WEBHOOK": "https://bot.example"}, "BOT_PORT"),
        ("worker", {}, "METRICS_PORT"),
    ],
)
def test_each_process_is_asked_at_its_own_port(
    port: int, health: Health, role: str, others: dict[str, str], name: str
) -> None:
    """A process that is ready is healthy; one that is not says which check fails and why."""
    words, environment = ("python3", "-m", "prompt2pic", role), {f"PROMPT2PIC_{name}": str(port), **others}
    health.add("log", lambda: None)
    assert wrong(words, environment) is None
    health.add("store", lambda: "the bucket is gone")
    assert wrong(words, environment) == "store: the bucket is gone"


def test_silence_is_told(port: int) -> None:
    """Where nothing answers the port is named; who has no port is not asked."""
    free = {"PROMPT2PIC_PORT": "1"}
    assert (wrong(("prompt2pic", "web"), free) or "").startswith("no word from port 1: ")
    assert wrong(("prompt2pic", "worker"), free) is None
    assert wrong(("prompt2pic", "topics"), free) is None


def test_a_process_that_can_not_start_says_why_for_a_while(tmp_path: Path) -> None:
    """The sentence it ends with is what the probe says until it has ended, and SIGTERM ends it at once."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PROMPT2PIC_PORT": "many"}
    command = [sys.executable, "-m", "prompt2pic", "--linger", "60", "web", "--data", str(tmp_path)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        until = time.monotonic() + 30
        while not (told := wrong((), {})) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 2
    assert told
    assert said == f"prompt2pic: {told}\n"
    assert wrong((), {}) is None


def test_what_an_earlier_start_left_is_forgotten(tmp_path: Path) -> None:
    """A start that was killed while it told why is not taken for the next one."""
    why_file().write_text("the disk is full")
    assert wrong((), {}) == "the disk is full"
    forget()
    assert wrong((), {}) is None
    forget()
