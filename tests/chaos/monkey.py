"""Kills, pauses and restarts the processes of a service at random."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.servers.service import Service

PAUSE = 17.0  # seconds; the shortest lease has 15
_MOST_WEB = 4  # deaths of the web process: the pause before each next start is twice as long
_MOST_WORKER = 9  # deaths of workers, for the same reason


class Monkey:
    """Does something bad every `period` seconds on average until it is stopped; `done` counts what."""

    def __init__(self, service: Service, seed: int, *, period: float, pauses: int, wipes: int) -> None:
        self.done: Counter[str] = Counter()
        self._service = service
        self._dice = random.Random(seed)
        self._period = period
        self._most = {"pause": pauses, "wipe": wipes, "web": _MOST_WEB, "worker": _MOST_WORKER}
        self._asleep: dict[float, list[int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, name="monkey")
        self._failed: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wake whoever was put to sleep."""
        self._stop.set()
        self._thread.join()
        self._wake(float("inf"))
        if self._failed is not None:
            raise self._failed

    def _play(self) -> None:
        try:
            while not self._stop.wait(self._dice.expovariate(1 / self._period)):
                self._wake(time.monotonic())
                self._dice.choice(self._tricks())()
        except BaseException as error:  # told by `stop`
            self._failed = error

    def _tricks(self) -> list[Callable[[], None]]:
        """Return what may be done now, the frequent several times."""
        tricks = [self._kill_painter] * 2
        tricks += [self._kill_worker] * 3 * (self.done["worker killed"] < self._most["worker"])
        tricks += [self._kill_web] * 2 * (self.done["web killed"] < self._most["web"])
        tricks += [self._pause] * 3 * (self._paused() < self._most["pause"] and len(self._asleep) < 2)
        tricks += [self._wipe] * (self.done["everything killed"] < self._most["wipe"])
        return tricks

    def _kill_painter(self) -> None:
        self._kill("painter", self._service.pids("multiprocessing.spawn"))

    def _kill_worker(self) -> None:
        self._kill("worker", self._service.pids("prompt2pic worker"))

    def _kill_web(self) -> None:
        self._kill("web", self._service.pids("prompt2pic web"))

    def _kill(self, what: str, pids: list[int]) -> None:
        if pids:
            _signal(self._dice.choice(pids), signal.SIGKILL)
            self.done[f"{what} killed"] += 1

    def _pause(self) -> None:
        """Send one process to sleep past the lease; a worker with or without its painter."""
        what = self._dice.choice(("prompt2pic worker", "prompt2pic worker", "spawn", "prompt2pic web"))
        pids = self._service.pids(what)
        if not pids:
            return
        asleep = [self._dice.choice(pids)]
        for pid in asleep:
            _signal(pid, signal.SIGSTOP)
        self._asleep[time.monotonic() + PAUSE] = asleep
        self.done[f"{what.removeprefix('prompt2pic ').replace('spawn', 'painter')} paused"] += 1

    def _paused(self) -> int:
        return sum(count for what, count in self.done.items() if what.endswith("paused"))

    def _wake(self, now: float) -> None:
        for when in [when for when in self._asleep if when <= now]:
            for pid in self._asleep.pop(when):
                _signal(pid, signal.SIGCONT)

    def _wipe(self) -> None:
        """Kill every process at once, as a power cut does, and start anew."""
        self._asleep.clear()
        self._service.kill_everything()
        self._service.start()
        self.done["everything killed"] += 1


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
