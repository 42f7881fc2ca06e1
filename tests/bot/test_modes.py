"""Webhook and polling, a second poller, a wrong token, and the call after a long wait."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.bot.fleet import bot_fleet
from tests.bot.test_dialog import picture_of
from tests.servers.service import eventually


def test_a_webhook_has_its_health_and_believes_only_telegram(tmp_path: Path) -> None:
    """Calls without the secret are refused; /readyz is served beside them, /metrics at operators' port alone."""
    with bot_fleet(tmp_path, painter="stub:0.1", hooks=True) as fleet:
        address = f"http://127.0.0.1:{fleet.hook_ports[0]}"
        eventually(lambda: httpx.get(f"{address}/readyz").status_code == 200 or None, "it does not get ready")
        assert httpx.post(f"{address}/telegram", json={"update_id": 1}).status_code == 403
        anna = fleet.api.person()
        anna.says("кот")
        assert picture_of(anna.private())
        assert httpx.get(f"{address}/metrics").status_code == 404
        told = httpx.get(f"http://127.0.0.1:{fleet.ports[0]}/metrics").text
        assert 'prompt2pic_telegram_updates_total{outcome="done"} 1.0' in told
        assert "prompt2pic_workers 1.0" in told


def test_a_polling_bot_shows_the_queue(tmp_path: Path) -> None:
    """Its own port shows what it has read by then, and never who asked or for what."""
    with bot_fleet(tmp_path, painter="stub:0.1") as fleet:
        anna = fleet.api.person()
        anna.says("нечто неповторимое")
        assert picture_of(anna.private())
        bot, worker = (
            httpx.get(f"http://127.0.0.1:{port}/metrics").text
            for port in (fleet.ports[0], fleet.worker_ports[0])
        )
        assert "prompt2pic_workers 1.0" in bot
        assert 'prompt2pic_requests_total{outcome="accepted"} 1.0' in bot
        assert 'prompt2pic_requests_total{outcome="finished"} 1.0' in worker
        assert 'prompt2pic_on_time_total{kept="yes"} 1.0' in worker
        assert 'prompt2pic_cpu_seconds_total{part="painter"}' in worker
        assert "prompt2pic_records_folded 0.0" not in bot
        for text in (bot, worker):
            assert "неповторимое" not in text
            assert f'{anna.id}"' not in text


def test_a_second_poller_is_told_so(tmp_path: Path) -> None:
    """Two processes with one token: one sentence says what to do, and people are served all the same."""
    with bot_fleet(tmp_path, painter="stub:0.1", bots=2) as fleet:
        told = "Somebody else reads this bot's messages"
        eventually(lambda: told in fleet.told() or None, "nobody is told")
        anna = fleet.api.person()
        anna.says("кот")
        assert picture_of(anna.private())


@pytest.mark.parametrize("token", ["4242:another", "no-token"])
def test_a_wrong_token_is_one_sentence(tmp_path: Path, token: str) -> None:
    """Whether Telegram does not know it or it is none at all: exit code 2, and where to get one."""
    with bot_fleet(tmp_path, bots=0, workers=0) as fleet:
        told = {
            "DATA": str(tmp_path),
            "LANGUAGE": "en",
            "TELEGRAM_TOKEN": token,
            "TELEGRAM_API_URL": fleet.api.url,
        }
        environment = os.environ | {f"PROMPT2PIC_{name}": value for name, value in told.items()}
        command = [sys.executable, "-m", "prompt2pic", "bot"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "Telegram does not know this token" in done.stderr
    assert "Traceback" not in done.stderr


def test_after_a_long_wait_the_person_is_called(tmp_path: Path) -> None:
    """Edits make no sound: a picture that took more than 30 s is followed by a short reply to it."""
    with bot_fleet(tmp_path, painter="stub:33") as fleet:
        anna = fleet.api.person()
        anna.says("кот --level best")
        picture = picture_of(anna.private())
        call = anna.private().wait_for_answer("Картинка готова", 30)
        assert call.reply_to == picture.id
