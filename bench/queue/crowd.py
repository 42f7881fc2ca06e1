"""Many workers in one process, each with a reader of its own; they share a producer, and their painters only wait.

A worker is the product's but for two things: its painter is a timer instead of a child process, and its pictures are
kept nowhere.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from unittest.mock import patch

from prompt2pic.core.ports import Log, Painted, Painter
from prompt2pic.ops.metrics import Metrics
from prompt2pic.painters.stub import StubPainter
from prompt2pic.worker.child import Cancel, Done, FromChild, Paint, PictureDone, Ready
from prompt2pic.worker.worker import Options, Worker

PATIENCE = 120.0  # seconds until all workers know of each other
_PICTURE = Painted(png=b"png", seed=1, width=512, height=512, painted_width=512, painted_height=512)


class Waiter:
    """Stands for the worker's hand on a painter process: each order takes the time that the painter reckons."""

    _numbers = count(1)

    def __init__(self, make: Callable[[], Painter], tell: Callable[[FromChild], None]) -> None:
        painter = make()
        self._tell = tell
        self._timer: threading.Timer | None = None
        self._seconds = painter.estimate()
        self.pid = next(self._numbers)
        tell(Ready(painter.load(lambda fraction, what: None), self._seconds))

    def send(self, message: Paint | Cancel) -> None:
        """Begin an order, or leave one."""
        if isinstance(message, Cancel):
            self.kill()
        else:
            seconds = self._seconds[message.order.level]
            self._timer = threading.Timer(seconds, self._done, (message.attempt, seconds))
            self._timer.daemon = True
            self._timer.start()

    def kill(self) -> None:
        """Leave what is being painted."""
        if self._timer is not None:
            self._timer.cancel()

    close = kill

    def _done(self, attempt: str, seconds: float) -> None:
        self._tell(PictureDone(attempt, 0, _PICTURE))
        self._tell(Done(attempt, seconds))


class Nowhere:
    """A picture store that keeps nothing and gives links as long as real ones."""

    def put(self, key: str, data: bytes, on_bytes: Callable[[int], None]) -> None:
        """Forget a picture."""

    def link(self, key: str, seconds: float) -> str:
        """Return an address as a folder's pictures have it."""
        return f"http://127.0.0.1:8080/pictures/{key}?expires=1790000000&signature={'0' * 64}"

    def list(self) -> Iterator[object]:
        """Yield nothing."""
        return iter(())


@contextmanager
def crowd(log: Log, workers: int, seconds: float) -> Iterator[None]:
    """Have some workers, each of whom knows of all others, whose pictures take some seconds at `best`."""
    with patch("prompt2pic.worker.easel.Child", Waiter):
        made = [_worker(f"w{number:02}", log, seconds) for number in range(workers)]
        threads = [threading.Thread(target=worker.run, daemon=True) for worker in made]
        for thread in threads:
            thread.start()
        try:
            _wait_until(lambda: all(len(worker._upkeep.live()) == workers for worker in made if worker.ready))
            _wait_until(lambda: all(worker.ready for worker in made))
            yield
        finally:
            for worker in made:
                worker.stop()
            for thread in threads:
                thread.join(30)


def _worker(name: str, log: Log, seconds: float) -> Worker:
    store = Nowhere()
    return Worker(name, log, store, partial(StubPainter, seconds), Options(), Metrics())  # type: ignore[arg-type]


def _wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > until:
            raise RuntimeError("the workers did not come")
        time.sleep(0.05)
