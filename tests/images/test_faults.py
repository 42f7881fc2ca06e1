"""What an owner may get wrong: the container says it in one sentence, is unhealthy for it."""

import socket

import pytest

from tests.images.containers import EDGE, WORKER, Container
from tests.servers.service import free_port
from tests.telegram import telegram

pytestmark = pytest.mark.timeout(300)


def test_a_wrong_token_is_told() -> None:
    """A bot whose token Telegram does not know names the setting."""
    with telegram() as api:
        settings = {"telegram_token": "1:wrong", "telegram_api_url": api.url, "language": "en"}
        with Container(EDGE, "bot", settings=settings) as bot:
            assert "PROMPT2PIC_TELEGRAM_TOKEN" in bot.wait_told("does not know this token")


def test_kafka_that_is_away_is_told() -> None:
    """A worker that finds no broker says where it looked."""
    address = f"kafka://127.0.0.1:{free_port()}"
    settings = {"log": address, "painter": "stub:1", "language": "en"}
    with Container(WORKER, "worker", settings=settings) as worker:
        assert address in worker.wait_told("does not answer")


def test_a_port_that_is_taken_is_told() -> None:
    """A page whose port another program has names the port and the setting."""
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 - what the page itself does
        port = str(other.getsockname()[1])
        settings = {"port": port, "open_access": "true", "language": "en"}
        with Container(EDGE, "web", settings=settings) as web:
            assert "PROMPT2PIC_PORT" in web.wait_told(f"Port {port} is taken")
