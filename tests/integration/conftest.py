"""The tests' Telegram, with a person in it who has written to the bot."""

from collections.abc import Iterator

import pytest

from tests.telegram import Chat, Telegram, telegram
from tests.telegram.asked import ANNA


@pytest.fixture
def api() -> Iterator[Telegram]:
    """A Telegram of the test's own."""
    with telegram() as running:
        running.person(ANNA).says("/start")
        yield running


@pytest.fixture
def chat(api: Telegram) -> Chat:
    """That person's chat with the bot."""
    return api.people[ANNA].private()
