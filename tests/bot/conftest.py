"""A service with a bot that the tests of a module share; each test brings people of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.service import BotService, bot_service
from tests.telegram import Telegram

ADMIN = 77


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotService]:
    """Everything on one machine, with a painter that paints for 0.3 s."""
    folder = tmp_path_factory.mktemp("bot")
    with bot_service(folder, painter="stub:0.3", bot_admins=ADMIN, bot_quota_best=2) as service:
        yield service


@pytest.fixture
def api(service: BotService) -> Telegram:
    """The service's Telegram."""
    return service.api


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[BotService]:
    """A service that one test may kill, with a painter that takes 2 s."""
    with bot_service(tmp_path, painter="stub:2") as service:
        yield service
