"""Alertmanager tells the owner, by Telegram."""

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.servers.ports import free_port
from tests.servers.service import eventually
from tests.telegram import telegram

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring" / "alertmanager"
PROGRAM = "prometheus-alertmanager"
ALERT = {
    "labels": {"alertname": "Prompt2PicNoWorkers", "severity": "page"},
    "annotations": {"summary": "No worker is alive: <nothing> is painted", "runbook": "docs/runbook.md#x"},
}


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
def test_an_alert_reaches_the_owners_chat(tmp_path: Path) -> None:
    """The real program, started by start.sh, sends the sentence and where to read on."""
    template = tmp_path / "template.yml"
    text = (FOLDER / "alertmanager.yml").read_text("utf-8")
    template.write_text(text.replace("group_wait: 30s", "group_wait: 1s"), "utf-8")
    port = free_port()
    with telegram() as api:
        owner = api.person()
        owner.says("/start")  # a bot may not write first
        command = [str(FOLDER / "start.sh"), str(template), str(tmp_path / "alertmanager.yml"), PROGRAM]
        told = {
            "PROMPT2PIC_TELEGRAM_TOKEN": api.token,
            "PROMPT2PIC_TELEGRAM_API_URL": api.url,
            "ALERT_CHAT": str(owner.id),
        }
        options = [
            f"--storage.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        process = subprocess.Popen([*command, *options], env=os.environ | told)
        try:
            address = f"http://127.0.0.1:{port}"
            eventually(lambda: _ready(address), "Alertmanager does not start")
            httpx.post(f"{address}/api/v2/alerts", json=[ALERT]).raise_for_status()
            message = owner.private().wait_for_answer("No worker is alive", 60)
        finally:
            process.terminate()
            process.wait(60)
    assert "Prompt2PicNoWorkers" in message.text
    assert "<nothing>" in message.text
    assert message.text.endswith("docs/runbook.md#x")


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/-/ready").status_code == 200
    except httpx.TransportError:
        return False
