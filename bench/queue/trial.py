"""One trial: some jobs that are there at once, some workers, and perhaps somebody who kills them."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

PATIENCE = 12  # times the ideal, and a minute, after which what has not ended counts as lost


class Trial(NamedTuple):
    """How many jobs of how many seconds on how many workers; with `kill_every` seconds between two `kill -9`."""

    jobs: int
    seconds: float
    workers: int
    kill_every: float | None = None

    @property
    def ideal(self) -> float:
        """Return the seconds that it takes at the least."""
        return -(-self.jobs // self.workers) * self.seconds


class Outcome(NamedTuple):
    """The seconds from the first request to the last end, the jobs that never ended, and those done twice."""

    span: float
    lost: int
    twice: int


class Contestant(Protocol):
    """A way of sharing out work."""

    def commands(self, workers: int) -> list[tuple[list[str], dict[str, str]]]:
        """Return the command line and the environment of each worker."""

    def ready(self) -> bool:
        """Whether all workers wait for work."""

    def ask(self, job: str, number: int) -> None:
        """Ask for a job."""

    def ends(self, timeout: float) -> list[str]:
        """Return the jobs that were done since the last call, waiting for some up to `timeout` seconds."""


class Crew:
    """The workers' processes; one that is killed is started again at once."""

    def __init__(self, commands: list[tuple[list[str], dict[str, str]]], log: Path) -> None:
        self._commands = commands
        self._log = log
        self._processes = [self._start(number) for number in range(len(commands))]

    def kill_one(self, dice: random.Random) -> None:
        """Kill a worker as the loss of its machine does, and start another in its place."""
        number = dice.randrange(len(self._processes))
        self._end(number)
        self._processes[number] = self._start(number)

    def end(self) -> None:
        """Kill all."""
        for number in range(len(self._processes)):
            self._end(number)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        command, environment = self._commands[number]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, number: int) -> None:
        process = self._processes[number]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a worker's painter is a process of its group
        process.wait()


def run(trial: Trial, contestant: Contestant, log: Path, seed: int = 1) -> Outcome:
    """Run a trial: all jobs are asked for once all workers wait."""
    with _crew(contestant.commands(trial.workers), log) as crew:
        _wait_until(contestant.ready, log)
        jobs = [f"{number:08d}-0000-4000-8000-{seed:012d}" for number in range(trial.jobs)]
        done: Counter[str] = Counter()
        dice = random.Random(seed)
        began = last = time.monotonic()
        killed = began - (trial.kill_every or 0) / 2  # nobody gets through before the first kill
        for number, job in enumerate(jobs):
            contestant.ask(job, number)
        while done.keys() < set(jobs) and time.monotonic() - began < PATIENCE * trial.ideal + 60:
            ends = contestant.ends(0.1)
            done.update(ends)
            last = time.monotonic() if ends else last
            if trial.kill_every and time.monotonic() - killed > trial.kill_every:
                crew.kill_one(dice)
                killed = time.monotonic()
        done.update(contestant.ends(3.0))  # what comes twice comes late
    return Outcome(last - began, len(set(jobs) - done.keys()), sum(count > 1 for count in done.values()))


@contextmanager
def _crew(commands: list[tuple[list[str], dict[str, str]]], log: Path) -> Iterator[Crew]:
    crew = Crew(commands, log)
    try:
        yield crew
    finally:
        crew.end()


def _wait_until(true: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + 90
    while not true():
        if time.monotonic() > until:
            raise RuntimeError(f"the workers did not come:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
