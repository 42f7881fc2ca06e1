"""The whole product as an owner runs it: `prompt2pic run` in processes of its own, on a free port."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.servers.ports import free_port

T = TypeVar("T")

PATIENCE = 60.0  # seconds before a test gives up waiting; machines are noisy


class Service:
    """`prompt2pic run` over a data folder; `log` holds what it printed."""

    def __init__(self, data: Path, *, painter: str = "stub:0.3", workers: int = 1, **settings: str) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._workers = workers
        self.patience = PATIENCE
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PROMPT2PIC_")},
            "PROMPT2PIC_DATA": str(data),
            "PROMPT2PIC_PAINTER": painter,
            "PROMPT2PIC_PORT": str(self.port),
            "PROMPT2PIC_LANGUAGE": "en",
            **{f"PROMPT2PIC_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Service":
        try:
            self.start()
        except BaseException:
            self.kill_everything()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.kill_everything()

    def start(self) -> None:
        """Start it and wait until page and workers are ready."""
        command = [sys.executable, "-m", "prompt2pic", "run", "--workers", str(self._workers)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        eventually(self._ready, f"the service is not ready: {self.log}", self.patience)

    def with_workers(self, workers: int) -> None:
        """Set how many workers the next start has."""
        self._workers = workers

    def stop(self) -> int:
        """Press Ctrl-C once and return the exit code."""
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def processes(self) -> dict[int, str]:
        """Return the command line of each of the service's processes by its id."""
        return {pid: line for pid in _processes() if (line := _command(pid, self.data))}

    def pids(self, part: str) -> list[int]:
        """Return the processes whose command line holds `part`."""
        return sorted(pid for pid, line in self.processes().items() if part in line)

    def kill_everything(self) -> None:
        """Send SIGKILL to every process at once, parents first, until none is left."""
        while pids := sorted(self.processes()):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        if self.process is not None:
            self.process.wait(PATIENCE)

    def ask(self, prompt: str = "кот", **fields: Any) -> dict[str, Any]:
        """Ask for pictures and return the job."""
        answer = self.call("POST", "/v1/jobs", json={"prompt": prompt, **fields})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, job: str, user: str | None = None) -> dict[str, Any]:
        """Return a job as it is now."""
        found: dict[str, Any] = self.call(
            "GET", f"/v1/jobs/{job}", params={"user": user} if user else {}
        ).json()
        return found

    def ended(self, job: str, user: str | None = None) -> dict[str, Any]:
        """Return a job once it has ended."""
        return eventually(
            lambda: found if (found := self.job(job, user))["status"] not in OPEN else None,
            f"job {job} does not end",
        )

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API."""
        return httpx.request(method, self.address + path, timeout=PATIENCE, **options)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        with contextlib.suppress(httpx.TransportError):
            if self.call("GET", "/readyz").status_code == 200:
                return bool(self.call("GET", "/v1/queue").json()["workers"] >= self._workers)
        return False


OPEN = {"queued", "processing"}


def eventually(look: Callable[[], T | None], otherwise: str, patience: float = PATIENCE) -> T:
    """Return what `look` finds once it finds something."""
    until = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)
    return found


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _command(pid: int, data: Path) -> str:
    """Return the process's command line where it works on this data folder, else nothing."""
    with contextlib.suppress(OSError):
        if f"PROMPT2PIC_DATA={data}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
