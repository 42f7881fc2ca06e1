"""The painter in a process of its own: a crash or a hang of the model costs an attempt, never the worker."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeAlias

import msgspec

from prompt2pic.core.errors import PaintCancelled, Problem
from prompt2pic.core.ports import Model, Painted, Painter, PaintOrder, Step

_STEP_PERIOD = 0.2  # seconds between two step messages to the worker at the least


class Loading(msgspec.Struct, frozen=True):
    """How far the model's loading has come, 0 to 1, and what is being done."""

    fraction: float
    what: str


class Ready(msgspec.Struct, frozen=True):
    """The model is loaded; `seconds` a picture takes at each level."""

    model: Model
    seconds: dict[str, float]


class Stepped(msgspec.Struct, frozen=True):
    """A painter step of an attempt is done."""

    attempt: str
    step: Step


class PictureDone(msgspec.Struct, frozen=True):
    """The n-th picture of an attempt, counted from 0."""

    attempt: str
    number: int
    painted: Painted


class Done(msgspec.Struct, frozen=True):
    """All pictures of an attempt are painted; `seconds` painting took."""

    attempt: str
    seconds: float


class Broken(msgspec.Struct, frozen=True):
    """An attempt (or, without one, the loading) ended without pictures; no key stands for cancelled."""

    attempt: str
    key: str
    args: dict[str, str | int | float]


class Died(msgspec.Struct, frozen=True):
    """The child process is gone."""

    child: int


class Paint(msgspec.Struct, frozen=True):
    """Paint an order for an attempt."""

    attempt: str
    order: PaintOrder


class Cancel(msgspec.Struct, frozen=True):
    """Stop an attempt within one step."""

    attempt: str


FromChild: TypeAlias = Loading | Ready | Stepped | PictureDone | Done | Broken | Died


class Child:
    """The worker's hand on a painter process; what the painter tells goes to `tell`, from a thread.

    With `seconds`, as an earlier one of the same model measured them, it takes no time to measure.
    """

    def __init__(
        self,
        make: Callable[[], Painter],
        tell: Callable[[FromChild], None],
        seconds: dict[str, float] | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_run, args=(make, theirs, seconds), daemon=True, name="painter"
        )
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self._reader = threading.Thread(target=self._listen, args=(tell,), daemon=True, name="from-painter")
        self._reader.start()

    def send(self, message: Paint | Cancel) -> None:
        """Tell the painter; a painter that is gone is heard of as `Died`."""
        with contextlib.suppress(OSError):
            self._connection.send(message)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join(5)
        self._reader.join(5)

    def close(self) -> None:
        """End the process: it leaves when its pipe closes, and is killed where it does not."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(2)
        self.kill()

    def _listen(self, tell: Callable[[FromChild], None]) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                tell(self._connection.recv())
        tell(Died(self.pid))


def _run(
    make: Callable[[], Painter], connection: Connection, seconds: dict[str, float] | None = None
) -> None:
    """Be the painter process: load, then paint what comes, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides when painting stops
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    orders = _Orders(connection)
    painter = make()
    if not _load(painter, connection, seconds):
        return
    while True:
        _paint(painter, orders.next(), orders, connection)


def _load(painter: Painter, connection: Connection, seconds: dict[str, float] | None) -> bool:
    try:
        model = painter.load(lambda fraction, what: connection.send(Loading(fraction, what)))
        connection.send(Ready(model, seconds or painter.estimate()))
    except Problem as problem:
        connection.send(Broken("", problem.key, problem.args_by_name))
        return False
    return True


class _Orders:
    """What the worker sends, read by a thread so that a cancel arrives in mid-picture."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._orders: queue.SimpleQueue[Paint] = queue.SimpleQueue()
        self._cancelled = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Paint:
        return self._orders.get()

    def check(self, attempt: str) -> None:
        if self._cancelled == attempt:
            raise PaintCancelled

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while message := self._connection.recv():
                if isinstance(message, Cancel):
                    self._cancelled = message.attempt
                else:
                    self._orders.put(message)
        os._exit(0)  # the worker is gone: nobody wants what is being painted


def _paint(painter: Painter, paint: Paint, orders: _Orders, connection: Connection) -> None:
    try:
        began = time.monotonic()
        for number, painted in enumerate(painter.paint(paint.order, _stepper(paint, orders, connection))):
            orders.check(paint.attempt)
            connection.send(PictureDone(paint.attempt, number, painted))
        connection.send(Done(paint.attempt, time.monotonic() - began))
    except PaintCancelled:
        connection.send(Broken(paint.attempt, "", {}))
    except Problem as problem:
        connection.send(Broken(paint.attempt, problem.key, problem.args_by_name))


def _stepper(paint: Paint, orders: _Orders, connection: Connection) -> Callable[[Step], None]:
    told, preview = 0.0, b""

    def on_step(step: Step) -> None:
        nonlocal told, preview
        orders.check(paint.attempt)
        preview = step.preview or preview  # that of a step which is not told goes with the next one
        if time.monotonic() - told >= _STEP_PERIOD:
            told = time.monotonic()
            connection.send(Stepped(paint.attempt, msgspec.structs.replace(step, preview=preview)))
            preview = b""

    return on_step
