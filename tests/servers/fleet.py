"""Workers and web replicas as an owner of many machines runs them: each a process and a folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.chaos.history import Absence
from tests.servers.cut import inside
from tests.servers.ports import free_ports
from tests.servers.service import PATIENCE, eventually

_SECRET = "the-same-for-every-process"  # signs cookies and links
_WAKES = 1000.0  # ms that a process which slept has beyond its sleep
_ANSWERS = 20_000.0  # ms that an append may wait for its answer
_ROOT = Path(__file__).parents[2]


class Machine:
    """One process, with its painter where it has one; `log` holds what it told.

    `program` is the folder of other sources than those under test.
    """

    def __init__(self, folder: Path, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self.name = name
        self.data = folder / name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._environment = {**environment, "PROMPT2PIC_DATA": str(self.data)}
        self.program: Path | None = None
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again; its folder is there, as a volume is."""
        self.data.mkdir(exist_ok=True)
        other = {"PYTHONPATH": str(self.program)} if self.program else {}
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                env=self._environment | other,
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._popen is not None and self._popen.poll() is None

    def kill(self) -> None:
        """End it and its painter at once, as a loss of power does."""
        if self._popen is not None:
            self.signal(signal.SIGKILL)
            self._popen.wait(PATIENCE)
            if self._popen.stdin:
                self._popen.stdin.close()

    def stop(self) -> int:
        """Tell it to end and return its exit code."""
        assert self._popen is not None
        self._popen.terminate()
        code = self._popen.wait(PATIENCE)
        if self._popen.stdin:
            self._popen.stdin.close()
        return code

    def signal_alone(self, number: signal.Signals) -> None:
        """Send a signal to its first process."""
        if self._popen is not None:
            self._popen.send_signal(number)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and its painter."""
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)


def _program(*words: str) -> list[str]:
    return [sys.executable, "-m", "prompt2pic", *words, "--attached"]


class Fleet:
    """Workers by name and web replicas by address over one log and one picture store.

    Of a worker in `far`, where there is one, the line to the `ports` can be cut. `absences` are the times at
    which workers were made to be away.
    """

    def __init__(
        self,
        folder: Path,
        workers: Sequence[str],
        webs: int,
        *,
        far: str = "",
        ports: Sequence[int] = (),
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.pictures = folder / "pictures"
        self.far = far
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PROMPT2PIC_")},
            "PROMPT2PIC_STORE": self.pictures.as_uri(),
            "PROMPT2PIC_SECRET": _SECRET,
            "PROMPT2PIC_LANGUAGE": "en",
            "PROMPT2PIC_LOG_LEVEL": "debug",
            **{f"PROMPT2PIC_{name.upper()}": value for name, value in settings.items()},
        }
        commands = {name: _program("worker", "--name", name) for name in workers}
        if far:
            commands[far] = inside(folder, ports, commands[far])
        self.workers = {
            name: Machine(folder, name, command, environment) for name, command in commands.items()
        }
        free = free_ports(webs)
        self.addresses = [f"http://127.0.0.1:{port}" for port in free]
        self.webs = [
            Machine(folder, f"web-{number}", _program("web", "--port", str(port)), environment)
            for number, port in enumerate(free)
        ]
        self.absences: list[Absence] = []
        self._away: dict[str, float] = {}

    def __enter__(self) -> "Fleet":
        try:
            for machine in self.machines():
                machine.start()
            webs = range(len(self.webs))
            eventually(lambda: all(map(self.ready, webs)), "not all of them get ready")
        except BaseException as error:
            self.__exit__()
            error.add_note(self.told())
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for machine in self.machines():
            machine.kill()

    def machines(self) -> list[Machine]:
        """Return all of them."""
        return [*self.workers.values(), *self.webs]

    def kill(self, worker: str) -> None:
        """kill -9 a worker with its painter."""
        self.workers[worker].kill()
        now = 1000 * time.time()
        self.absences.append(Absence(worker, now, now, killed=True))

    def pause(self, worker: str) -> None:
        """Send a worker with its painter to sleep."""
        self._away[worker] = 1000 * time.time()
        self.workers[worker].signal(signal.SIGSTOP)

    def wake(self, worker: str) -> None:
        """Wake a worker that sleeps."""
        self.workers[worker].signal(signal.SIGCONT)
        self.absences.append(Absence(worker, self._away.pop(worker), 1000 * time.time() + _WAKES))

    def cut(self, worker: str) -> None:
        """Cut the line of the worker in `far`, which goes on painting."""
        self._away[worker] = 1000 * time.time()
        self.workers[worker].signal_alone(signal.SIGSTOP)

    def mend(self, worker: str) -> None:
        """Mend the line; what was sent meanwhile arrives."""
        self.workers[worker].signal_alone(signal.SIGCONT)
        self.absences.append(Absence(worker, self._away.pop(worker), 1000 * time.time() + _ANSWERS))

    def ready(self, web: int) -> bool:
        """Whether a web replica answers and all workers are there."""
        dead = [machine.name for machine in self.machines() if not machine.runs]
        assert not dead, f"{dead} ended by themselves:\n{self.told()}"
        with contextlib.suppress(httpx.TransportError):
            address = self.addresses[web]
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                queue = httpx.get(f"{address}/v1/queue", timeout=5).json()
                return bool(queue["workers"] >= len(self.workers))
        return False

    def told(self) -> str:
        """Return the end of what each process told."""
        logs = [machine.log for machine in self.machines() if machine.log.exists()]
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-1500:]}" for log in logs)
