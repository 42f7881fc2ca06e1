"""Kills, pauses and restarts the processes of a service at random."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.chaos.history import Absence
from tests.servers.service import Service

if TYPE_CHECKING:
    from tests.servers.kafka import Kafka

PAUSE = 17.0  # seconds; the shortest lease has 15
_MOST_WEB = 4  # deaths of the web process: the pause before each next start is twice as long
_MOST_WORKER = 9  # deaths of workers, for the same reason
_LATE = 10.0  # seconds that the monkey may sleep before it wakes others
_BROKER_DEAD = 6.0  # seconds
_BROKER_QUIET = 20.0  # seconds before another broker may die: this one has to catch up
_BLOCKED = 20.0  # seconds that an append may last once brokers are back


class Monkey:
    """Does something bad every `period` seconds on average until it is stopped; `done` counts what.

    `absences` are the times at which workers could not know what happened.
    """

    def __init__(
        self,
        service: Service,
        seed: int,
        *,
        period: float,
        pauses: int,
        wipes: int,
        cluster: "Kafka | None" = None,
        brokers: int = 0,
    ) -> None:
        self.done: Counter[str] = Counter()
        self._service = service
        self._dice = random.Random(seed)
        self._period = period
        self._most = {
            "pause": pauses,
            "wipe": wipes,
            "web": _MOST_WEB,
            "worker": _MOST_WORKER,
            "broker": brokers,
        }
        self.absences: list[Absence] = []
        self._cluster = cluster
        self._brokers_change_at = 0.0
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
        self._mend_broker()
        if self._cluster is not None:
            self._cluster.wait()
        if self._failed is not None:
            raise self._failed

    def _play(self) -> None:
        try:
            while not self._stop.wait(self._dice.expovariate(1 / self._period)):
                self._wake(time.monotonic())
                if time.monotonic() >= self._brokers_change_at:
                    self._mend_broker()
                self._dice.choice(self._tricks())()
        except BaseException as error:  # told by `stop`
            self._failed = error

    def _tricks(self) -> list[Callable[[], None]]:
        """Return what may be done now, the frequent several times."""
        tricks = [self._kill_painter] * 2
        tricks += [self._kill_worker] * 3 * (self.done["worker killed"] < self._most["worker"])
        tricks += [self._kill_web] * 2 * (self.done["web killed"] < self._most["web"])
        tricks += [self._pause] * 3 * (self._paused() < self._most["pause"] and len(self._asleep) < 2)
        tricks += [self._kill_broker] * 2 * (self.done["broker killed"] < self._most["broker"])
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
            pid = self._dice.choice(pids)
            workers = self._workers([pid])
            _signal(pid, signal.SIGKILL)
            self._note(workers, 0.0, killed=True)
            self.done[f"{what} killed"] += 1

    def _workers(self, pids: list[int]) -> list[str]:
        """Return the names of the workers among these processes."""
        lines = self._service.processes()
        parts = [lines.get(pid, "").partition("prompt2pic worker --attached --name ") for pid in pids]
        return [name.strip() for _, named, name in parts if named]

    def _note(self, workers: list[str], seconds: float, *, killed: bool = False) -> None:
        """Note that workers are away from now on."""
        now = 1000 * time.time()
        self.absences += [Absence(name, now, now + 1000 * seconds, killed) for name in workers]

    def _kill_broker(self) -> None:
        """Kill one broker if all of them are well; it is started again some seconds later."""
        now = time.monotonic()
        if self._cluster is None or now < self._brokers_change_at:
            return
        broker = self._dice.choice(self._cluster.brokers)
        broker.kill()
        self._brokers_change_at = now + _BROKER_DEAD
        until = 1000 * (time.time() + _BROKER_DEAD + _BLOCKED)
        self.absences.append(Absence("", 1000 * time.time(), until))
        self.done["broker killed"] += 1

    def _mend_broker(self) -> None:
        for broker in self._cluster.brokers if self._cluster is not None else ():
            if not broker.runs:
                broker.start()
                self._brokers_change_at = time.monotonic() + _BROKER_QUIET

    def _pause(self) -> None:
        """Send one process to sleep past the lease; a worker with or without its painter."""
        what = self._dice.choice(("prompt2pic worker", "prompt2pic worker", "spawn", "prompt2pic web"))
        pids = self._service.pids(what)
        if not pids:
            return
        asleep = [self._dice.choice(pids)]
        for pid in asleep:
            self._note(self._workers([pid]), PAUSE + _LATE)
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
        workers = self._workers(list(self._service.processes()))
        self._service.kill_everything()
        self._note(workers, 0.0, killed=True)
        self._service.start()
        self.done["everything killed"] += 1


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
