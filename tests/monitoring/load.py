"""Page, bot and workers at work under a real Prometheus: people who ask, and Telegram's worse moments."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.bot.fleet import BotFleet, bot_fleet, program
from tests.servers.fleet import Machine
from tests.servers.ports import free_port
from tests.servers.prometheus import Prometheus, node_exporter, prometheus
from tests.servers.service import eventually
from tests.telegram.faults import Broken, Flood

PAINTER = "stub:0.4"
LEVELS = ("", " --level fast", " --level best")


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[tuple[BotFleet, str, Prometheus]]:
    """Run a bot, two workers and a page at an address, with Prometheus over all of them."""
    options = {"painter": PAINTER, "target_seconds": 3, "idle_target_seconds": 5}
    (folder / "fleet").mkdir()
    with (
        bot_fleet(folder / "fleet", workers=2, **options) as fleet,
        _page(fleet, options) as (port, metrics),
        node_exporter() as node,
    ):
        ports = {"web": [metrics], "bot": fleet.ports, "worker": fleet.worker_ports, "node": [node]}
        with prometheus(folder / "prometheus", ports) as server:
            yield fleet, f"http://127.0.0.1:{port}", server


@contextlib.contextmanager
def _page(fleet: BotFleet, options: dict[str, object]) -> Iterator[tuple[int, int]]:
    """Run a page; yield its port, and that of its metrics."""
    port, metrics = free_port(), free_port()
    environment = fleet.environment({**options, "metrics_port": metrics})
    page = Machine(fleet.folder, "web", program("web", "--port", str(port)), environment)
    page.start()
    try:
        eventually(lambda: _answers(port), "the page does not start")
        yield port, metrics
    finally:
        page.kill()


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    return False


def people_ask(fleet: BotFleet, page: str, seconds: float, seed: int = 1) -> None:
    """Ask in the chat and by the API, in crowds and alone, while Telegram has some faults."""
    rng = random.Random(seed)
    people = [fleet.api.person(first_name=name) for name in ("Анна", "Борис", "Вера")]
    until = time.monotonic() + seconds
    with httpx.Client(base_url=page) as caller:
        while time.monotonic() < until:
            fleet.api.breaks(rng.choice([Flood(1), Broken()]), "editMessageText", times=1)
            for _ in range(rng.choice([1, 2, 8])):
                rng.choice(people).says("закат над океаном" + rng.choice(LEVELS))
            level = rng.choice(["auto", "fast", "balanced"])
            job = caller.post("/v1/jobs", json={"prompt": "a sunset", "level": level}).json()["id"]
            caller.get("/v1/queue")
            if rng.random() < 0.2:
                caller.delete(f"/v1/jobs/{job}")
            time.sleep(rng.uniform(1, 3))
