"""The product with its bot, as an owner runs it, over the tests' Telegram."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.servers.service import Service, eventually
from tests.telegram import Telegram, telegram


@contextmanager
def bot_service(
    folder: Path, *, painter: str = "stub:0.3", workers: int = 1, **settings: Any
) -> "Iterator[BotService]":
    """Run everything with its data in `folder`."""
    with (
        telegram() as api,
        BotService(folder / "data", api, painter=painter, workers=workers, **settings) as service,
    ):
        yield service


class BotService(Service):
    """`prompt2pic run` with a bot; `api` is its Telegram."""

    def __init__(self, data: Path, api: Telegram, **options: Any) -> None:
        self.api = api
        workers, painter = options.pop("workers", 1), options.pop("painter")
        told = {name: str(value) for name, value in options.items()}
        told |= {"telegram_token": api.token, "telegram_api_url": api.url}
        super().__init__(data, painter=painter, workers=workers, **told)

    def start(self) -> None:
        """Start it and wait until page, workers and bot are ready."""
        before = len(self.api.calls_to("getUpdates"))
        super().start()
        eventually(
            lambda: len(self.api.calls_to("getUpdates")) > before or None,
            f"the bot does not ask: {self.log}",
            self.patience,
        )

    def kill_bot(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the bot's process; it is started again by itself."""
        for pid in self.pids("prompt2pic bot"):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
