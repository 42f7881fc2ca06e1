"""Runs several processes as one: started together, restarted when they die, stopped without a trace."""

import contextlib
import os
import queue
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

WRONG_SETTING = 2  # exit code of a process that another try would not help
_LOOK = 0.5  # seconds between two looks at the processes
_STEADY = 60.0  # seconds after which a process counts as running well again
_LONGEST_PAUSE = 30.0  # seconds before a restart

_log = structlog.get_logger(__name__)


class _Process:
    """One process in a session of its own; it leaves when its standard input closes."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._deaths = 0
        self._restart_at: float | None = None
        self.start()

    def start(self) -> None:
        self._popen = subprocess.Popen(  # noqa: S603 - our own command line
            self._command, stdin=subprocess.PIPE, env=dict(self._environment), start_new_session=True
        )
        self._started = time.monotonic()
        self._restart_at = None

    def code(self) -> int | None:
        return self._popen.poll()

    def look_after(self) -> None:
        """Start the process again, some time after it died."""
        if self._popen.poll() is None:
            return
        now = time.monotonic()
        if self._restart_at is None:
            self._sweep_session()
            self._deaths = 0 if now - self._started > _STEADY else self._deaths + 1
            self._restart_at = now + min(_LONGEST_PAUSE, 2.0 ** (self._deaths - 1) - 1)
            _log.warning("process-died", process=self.name, code=self._popen.returncode)
        elif now >= self._restart_at:
            self.start()

    def tell(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def end(self, seconds: float) -> None:
        """Wait for the process to leave, then kill whatever is left of its session."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, seconds))
        self._sweep_session()
        self._popen.wait()

    def _sweep_session(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        if self._popen.stdin:
            self._popen.stdin.close()


class Supervisor:
    """Keeps named commands running until `stop`; a command that ends with code 2 ends all of them.

    `environment` is that of all, `own` what some of them have beside it.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        own: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._commands = commands
        self._environments = {name: {**environment, **own.get(name, {})} for name in commands}
        self._stop: queue.SimpleQueue[None] = queue.SimpleQueue()  # not an Event: `stop` is called by signals
        self._processes: list[_Process] = []

    def stop(self) -> None:
        """End all processes gracefully; called again, at once."""
        for process in self._processes:
            process.tell(signal.SIGTERM)
        self._stop.put(None)

    def run(self, grace: float, started: Callable[[], None]) -> int:
        """Run until stopped, with `grace` seconds for an orderly end; return the exit code."""
        try:
            for name, command in self._commands.items():
                self._processes.append(_Process(name, command, self._environments[name]))
            started()
            return self._watch()
        finally:
            for process in self._processes:
                process.tell(signal.SIGTERM)
            end = time.monotonic() + grace
            for process in self._processes:
                process.end(end - time.monotonic())

    def _watch(self) -> int:
        while not self._stopped():
            for process in self._processes:
                if process.code() == WRONG_SETTING:
                    return WRONG_SETTING
                process.look_after()
        return 0

    def _stopped(self) -> bool:
        with contextlib.suppress(queue.Empty):
            self._stop.get(timeout=_LOOK)
            return True
        return False
