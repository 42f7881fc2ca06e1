"""The product in separate processes, each of which a test may kill: bots, workers, and the tests' Telegram."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from prompt2pic.core.events import Finished, decode_event
from prompt2pic.core.ports import Log, Place, Record
from prompt2pic.core.queue import RESULTS
from prompt2pic.log.kafka import KafkaLog
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.wiring import TOPICS
from tests.conformance.log_suite import read_all
from tests.servers.fleet import Machine
from tests.servers.ports import free_ports
from tests.servers.service import eventually
from tests.telegram import Telegram, telegram

_SECRET = "sixteen characters or more"


class BotFleet:
    """Bots and workers over one log and one picture store; with `hooks` the bots are called, else they ask."""

    def __init__(
        self,
        folder: Path,
        api: Telegram,
        *,
        bots: int = 1,
        workers: int = 1,
        log: str = "",
        hooks: bool = False,
        **settings: Any,
    ) -> None:
        self.api = api
        self.folder = folder
        self.log = log or f"sqlite://{folder / 'log.sqlite3'}"
        self.prefix = str(settings.get("topic_prefix", ""))
        self.store = folder / "pictures"
        self._hooks = hooks
        environment = self.environment(settings)
        self.ports = free_ports(bots)
        self.hook_ports = free_ports(bots)
        self.bots = [self._bot(number, environment) for number in range(bots)]
        self.worker_ports = free_ports(workers)
        self.workers = [
            self._worker(f"worker-{n}", port, environment) for n, port in enumerate(self.worker_ports)
        ]

    def environment(self, settings: dict[str, Any]) -> dict[str, str]:
        """Return the environment of a process with these settings."""
        told = {
            "log": self.log,
            "store": self.store.as_uri(),
            "secret": _SECRET,
            "language": "en",
            "telegram_token": self.api.token,
            "telegram_api_url": self.api.url,
            "bot_quota_waiting": 10_000,
            "bot_quota_day": 1_000_000,
            **settings,
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("PROMPT2PIC_")}
        return others | {f"PROMPT2PIC_{name.upper()}": str(value) for name, value in told.items()}

    def _bot(self, number: int, environment: dict[str, str]) -> Machine:
        hook = {
            "PROMPT2PIC_BOT_PORT": str(self.hook_ports[number]),
            "PROMPT2PIC_METRICS_PORT": str(self.ports[number]),
        }
        if self._hooks:
            # All are called at one address, behind which one of them answers: here the first.
            hook["PROMPT2PIC_TELEGRAM_WEBHOOK"] = f"http://127.0.0.1:{self.hook_ports[0]}/telegram"
        return Machine(self.folder, f"bot-{number}", program("bot"), environment | hook)

    def _worker(self, name: str, port: int, environment: dict[str, str]) -> Machine:
        told = environment | {"PROMPT2PIC_METRICS_PORT": str(port)}
        return Machine(self.folder, name, program("worker", "--name", name), told)

    def start(self) -> None:
        """Start all and wait until the bots have introduced themselves."""
        for machine in (*self.workers, *self.bots):
            machine.start()
        eventually(lambda: self._introduced() or None, f"the bots do not start\n{self.told()}")

    def _introduced(self) -> bool:
        return all("answers in Telegram" in bot.log.read_text(errors="replace") for bot in self.bots)

    def stop(self) -> None:
        """Kill all."""
        for machine in (*self.bots, *self.workers):
            machine.kill()

    def restart(self, bot: Machine) -> None:
        """Kill a bot as a loss of power does, and start it again."""
        bot.kill()
        bot.start()

    def open_log(self) -> Log:
        """Return the log of all."""
        if self.log.startswith("sqlite"):
            return SqliteLog(Path(self.log.removeprefix("sqlite://")), TOPICS)
        return KafkaLog(self.log, TOPICS, prefix=self.prefix)

    def records(self, topic: str) -> list[Record]:
        """Return all records of a topic, straight from the log."""
        with closing(self.open_log()) as log:
            return [record for n in range(log.partitions(topic)) for record in read_all(log, Place(topic, n))]

    def finished(self) -> dict[str, float]:
        """Return when each request was finished, in seconds since 1970."""
        return {
            event.request: record.timestamp / 1000
            for record in self.records(RESULTS)
            if isinstance(event := decode_event(record.value), Finished)
        }

    def delays(self) -> list[float]:
        """Return the seconds from each finished request to the call that brought its picture, in that order."""
        brought: dict[str, float] = {}
        for call in self.api.calls_to("editMessageMedia"):
            button = call.given("reply_markup").inline_keyboard[0][0]
            brought.setdefault(button.callback_data.partition(":")[2], call.at)
        return [brought[request] - at for request, at in self.finished().items() if request in brought]

    def told(self) -> str:
        """Return the end of what each process told."""
        logs = [machine.log for machine in (*self.bots, *self.workers) if machine.log.exists()]
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in logs)


@contextmanager
def bot_fleet(folder: Path, **options: Any) -> Iterator[BotFleet]:
    """Run bots and workers over a Telegram of their own."""
    with telegram() as api:
        fleet = BotFleet(folder, api, **options)
        try:
            fleet.start()
            yield fleet
        except BaseException as error:
            error.add_note(fleet.told())
            raise
        finally:
            fleet.stop()


def program(*words: str) -> list[str]:
    """Return the command line of one of the product's processes."""
    return [sys.executable, "-m", "prompt2pic", *words, "--attached"]
