"""The product with its bot, as an owner runs it, over the tests' Telegram."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from prompt2pic.core.events import decode_event
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import RESULTS
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.wiring import TOPICS
from tests.conformance.log_suite import read_all
from tests.servers.service import Service, eventually
from tests.telegram import Telegram, telegram

T = TypeVar("T")


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

    def wait_for_event(self, kind: type[T], fits: Callable[[T], bool]) -> T:
        """Return the first event of a kind that fits, once it is in the log."""
        with closing(SqliteLog(self.data / "log.sqlite3", TOPICS)) as log:
            return eventually(lambda: self._event(log, kind, fits), f"no such {kind.__name__}", self.patience)

    @staticmethod
    def _event(log: SqliteLog, kind: type[T], fits: Callable[[T], bool]) -> T | None:
        events = (decode_event(record.value) for record in read_all(log, Place(RESULTS, 0)))
        return next((event for event in events if isinstance(event, kind) and fits(event)), None)
