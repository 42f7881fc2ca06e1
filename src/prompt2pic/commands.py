"""What each command of the command line does."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from prompt2pic.core import options
from prompt2pic.core.asks import Ask, Limits, check
from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import PaintOrder, Step
from prompt2pic.core.unread import unread
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.ops.server import Look, OpsServer
from prompt2pic.ops.supervisor import Supervisor
from prompt2pic.settings import Settings, make_folder, variable
from prompt2pic.texts import Texts
from prompt2pic.wiring import build_bot, build_painter, build_web, build_worker

_GRACE_BEYOND = 10.0  # seconds that all processes get beyond a worker's own grace period
_READY_WITHIN = 120.0  # seconds the page may take to answer for the first time
_SERVING: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "timeout_graceful_shutdown": 3,  # seconds
}


def run(settings: Settings, workers: int) -> int:
    """Run page and workers on this machine until Ctrl-C; return the exit code."""
    settings = settings.model_copy(update={"port": free_port(settings.host, settings.port)})
    settings.refuse_open_door()
    make_folder(settings.data)
    settings.signing_secret()
    own = {"web": {variable("metrics_port"): str(settings.metrics_port)}}
    supervisor = Supervisor(_commands(settings, workers), os.environ | _environment(settings), own)
    on_signals(supervisor.stop)
    greeting = threading.Thread(target=_greet, args=(settings,), daemon=True)
    return supervisor.run(settings.grace_seconds + _GRACE_BEYOND, greeting.start)


def worker(settings: Settings, *, attached: bool) -> int:
    """Work until told to stop."""
    metrics, health, texts = Metrics(), Health(), Texts(settings.language)
    hand = build_worker(settings, metrics, health, _show_loading(texts))
    with _telling_operators(settings, metrics, health):
        on_signals(hand.stop, attached=attached)
        hand.run()
    return 0


def web(settings: Settings, *, attached: bool) -> int:
    """Serve the page and the API until told to stop."""
    import uvicorn

    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    port = free_port(settings.host, settings.port)
    settings = settings.model_copy(update={"port": port})
    failures: list[Problem] = []

    def fail(problem: Problem) -> None:
        failures.append(problem)
        server.should_exit = True

    metrics, health = Metrics(), Health()
    app, hub = build_web(settings, metrics, health, fail)
    server = uvicorn.Server(uvicorn.Config(app, host=settings.host, port=port, **_SERVING))
    if attached:
        _on_end_of_input(lambda: setattr(server, "should_exit", True))
    with _telling_operators(settings, metrics, health, hub.show_from_outside):
        server.run()
    if failures:
        raise failures[0]
    return 0 if server.started else 1


def bot(settings: Settings, *, attached: bool) -> int:
    """Speak with people in Telegram until told to stop."""
    return asyncio.run(_speak(settings, attached=attached))


async def _speak(settings: Settings, *, attached: bool) -> int:
    logging.getLogger("aiogram").setLevel(logging.WARNING)
    loop, texts, metrics, health = asyncio.get_running_loop(), Texts(settings.language), Metrics(), Health()
    process = build_bot(settings, metrics, health, lambda key, **args: _tell(texts.say(key, **args)))

    def stop() -> None:
        loop.call_soon_threadsafe(process.stop)

    with _telling_operators(settings, metrics, health, process.context.hub.show_from_outside):
        on_signals(stop, attached=attached)
        await process.run()
    return 0


@contextlib.contextmanager
def _telling_operators(
    settings: Settings, metrics: Metrics, health: Health, look: Look = lambda: None
) -> Iterator[None]:
    """Serve metrics and health where a port is set for them."""
    if not settings.metrics_port:
        yield
        return
    ops = OpsServer(settings.host, settings.metrics_port, metrics, health, look)
    try:
        yield
    finally:
        ops.close()


def paint(settings: Settings, text: str, out: Path, changes: dict[str, object]) -> int:
    """Paint one request without a queue, into `out` (`out-2.png` and so on for more pictures)."""
    texts = Texts(settings.language)
    if not out.parent.is_dir():
        raise Problem("out-folder-missing", folder=str(out.parent))
    ask = check(_with(options.parse(text), changes), Limits())
    painter = build_painter(settings)()
    bar = _Bar(texts)
    model = painter.load(bar.load)
    width, height = (ask.width, ask.height) if ask.width and ask.height else model.sizes[0]
    order = PaintOrder(
        prompt=ask.prompt,
        negative=ask.negative,
        width=width,
        height=height,
        count=ask.count,
        seed=ask.seed or 0,
        level="best" if ask.level == "auto" else ask.level,
    )
    for number, painted in enumerate(painter.paint(order, bar.step(ask.count))):
        path = out if number == 0 else out.with_stem(f"{out.stem}-{number + 1}")
        _save(path, painted.png)
        bar.say(texts.say("painted", path=str(path), seed=str(painted.seed)))
        if number == 0:
            for key, words in unread(order, *painted.read):
                bar.say(texts.say(key, count=words))
    return 0


def free_port(host: str, port: int, field: str = "port") -> int:
    """Return `port` if it is free, any free one for 0. Raises Problem, naming the setting, where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == 98 or "in use" in str(error):
                raise Problem("port-in-use", port=str(port), setting=variable(field)) from None
            raise Problem(
                "address-unusable", host=host, port=str(port), why=error.strerror or str(error)
            ) from None
        return int(probe.getsockname()[1])


def on_signals(stop: Callable[[], None], *, attached: bool = False) -> None:
    """Call `stop` on Ctrl-C, on SIGTERM and, when attached to another process, once that one is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())
    if attached:
        _on_end_of_input(stop)


def _on_end_of_input(stop: Callable[[], None]) -> None:
    def wait() -> None:
        while os.read(0, 4096):  # past Python's buffer, whose lock would outlive this thread
            pass
        stop()

    threading.Thread(target=wait, daemon=True, name="parent").start()


def _commands(settings: Settings, workers: int) -> dict[str, list[str]]:
    program = [sys.executable, "-m", "prompt2pic"]
    commands = {"web": [*program, "web", "--attached"]}
    if settings.telegram_token is not None:
        commands["bot"] = [*program, "bot", "--attached"]
    for number in range(1, workers + 1):
        name = f"{settings.worker_name}-{number}"
        commands[f"worker-{number}"] = [*program, "worker", "--attached", "--name", name]
    return commands


def _environment(settings: Settings) -> dict[str, str]:
    told = {"data": settings.data, "port": settings.port, "metrics_port": 0}
    return {variable(name): str(value) for name, value in told.items()}


def _greet(settings: Settings) -> None:
    texts = Texts(settings.language)
    address = f"http://{settings.host}:{settings.port}"
    until = monotonic() + _READY_WITHIN
    while not _answers(f"{address}/readyz"):
        if monotonic() > until:
            return
        sleep(0.2)
    if settings.telegram_token is None:
        _tell(texts.say("bot-left-out", setting=variable("telegram_token")))
    _tell(texts.say("open-page", address=address))


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:  # noqa: S310 - our own http address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command line speaks to a person


def _show_loading(texts: Texts) -> Callable[[float, str], None]:
    shown = -1

    def show(fraction: float, what: str) -> None:
        nonlocal shown
        if int(fraction * 4) > shown:
            shown = int(fraction * 4)
            _tell(texts.say("loading", percent=round(fraction * 100)))

    return show


class _Bar:
    """A progress bar on standard error."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._live = sys.stderr.isatty()

    def load(self, fraction: float, what: str) -> None:
        self._show(self._texts.say("loading", percent=round(fraction * 100)))

    def step(self, count: int) -> Callable[[Step], None]:
        def show(step: Step) -> None:
            done = (step.picture + step.step / step.steps) / count
            self._show(f"{'█' * round(done * 30):░<30} {done:4.0%}")

        return show

    def say(self, line: str) -> None:
        if self._live:
            sys.stderr.write("\r\033[K")
        _tell(line)

    def _show(self, line: str) -> None:
        if self._live:
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()


def _with(ask: Ask, changes: dict[str, object]) -> Ask:
    import msgspec

    return msgspec.structs.replace(
        ask, **{name: value for name, value in changes.items() if value is not None}
    )


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Problem("out-not-written", path=str(path), why=error.strerror or str(error)) from None
