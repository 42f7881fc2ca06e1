"""Rules, alerts and their runbook belong together."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "monitoring" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "monitoring" / "alertmanager"
PARTS = ("Symptom", "Check", "Fix")
METRIC = re.compile(r"prompt2pic_\w+")
ENDINGS = re.compile(r"_(total|bucket|count|sum)$")

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
needs_amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")


def _rules(name: str) -> list[dict[str, str]]:
    groups = yaml.safe_load((PROMETHEUS / "rules" / name).read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _described() -> set[str]:
    """Return the metrics that docs/metrics.md describes."""
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    return set(re.findall(r"^\| `(prompt2pic_\w+)`", page, flags=re.MULTILINE))


@pytest.mark.parametrize("alert", _rules("alerts.yml"), ids=lambda rule: rule["alert"])
def test_an_alert_has_its_entry_and_its_cases(alert: dict[str, str]) -> None:
    """The runbook says symptom, check and fix; one case makes it fire, one does not."""
    name = alert["alert"]
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    entry = page.partition(f"\n### {name}\n")[2].partition("\n#")[0]
    assert all(f"**{part}**" in entry for part in PARTS)
    assert alert["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
    assert alert["labels"]["severity"] in entry
    cases = yaml.safe_load((PROMETHEUS / "tests" / "alerts.yml").read_text("utf-8"))["tests"]
    own = [case["alert_rule_test"][0] for case in cases if case["name"].split()[0] == name]
    assert all(case["alertname"] == name for case in own)
    assert sorted(bool(case["exp_alerts"]) for case in own) == [False, True]


def test_the_runbook_speaks_of_alerts_that_exist() -> None:
    """No entry is left of an alert that is gone."""
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    assert re.findall(r"^### (\w+)$", page, flags=re.MULTILINE) == [
        rule["alert"] for rule in _rules("alerts.yml")
    ]


@pytest.mark.parametrize(("job", "image"), [("web", "edge"), ("bot", "edge"), ("worker", "worker")])
def test_each_process_is_scraped_where_its_image_serves_metrics(job: str, image: str) -> None:
    """The port is that of the image, whichever way a bot gets its updates, and no port that people reach."""
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (asked,) = next(each["dns_sd_configs"] for each in jobs if each["job_name"] == job)
    lines = (ROOT / "deploy" / "images" / f"{image}.Dockerfile").read_text("utf-8")
    assert f"PROMPT2PIC_METRICS_PORT={asked['port']} " in lines
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))["services"]
    assert set(asked["names"]) <= set(services)
    assert not any(
        f":{asked['port']}" in port for each in services.values() for port in each.get("ports", ())
    )


@pytest.mark.parametrize("name", ["recording.yml", "alerts.yml"])
def test_rules_ask_for_metrics_that_exist(name: str) -> None:
    """A name misspelt is an alert that never fires."""
    used = {ENDINGS.sub("", each) for rule in _rules(name) for each in METRIC.findall(rule["expr"])}
    assert used
    assert used <= _described()


def test_alerts_use_recordings_that_exist() -> None:
    """The same for names of our own rules."""
    recorded = {rule["record"] for rule in _rules("recording.yml")}
    used = {each for rule in _rules("alerts.yml") for each in re.findall(r"prompt2pic:[\w:]+", rule["expr"])}
    assert used <= recorded


@needs_promtool
def test_prometheus_takes_the_configuration() -> None:
    """Prometheus' own tool finds no fault with configuration and rules."""
    config = str(PROMETHEUS / "prometheus.yml")
    done = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_promtool
def test_alerts_fire_on_their_fault_and_on_nothing_else() -> None:
    """The cases of every alert, as Prometheus evaluates them."""
    cases = str(PROMETHEUS / "tests" / "alerts.yml")
    done = subprocess.run(["promtool", "test", "rules", cases], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _started(folder: Path, **environment: str) -> str:
    """Return the configuration that Alertmanager is started with."""
    copy = folder / "alertmanager.yml"
    command = [str(ALERTMANAGER / "start.sh"), str(ALERTMANAGER / "alertmanager.yml"), str(copy), "true"]
    subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environment}, check=True, capture_output=True)
    return copy.read_text("utf-8")


def _routed(config: str) -> tuple[str, dict[str, object]]:
    """Return the receiver of every alert, and how Telegram is told."""
    parsed = yaml.safe_load(config)
    telegram = next(each for each in parsed["receivers"] if each["name"] == "telegram")
    return parsed["route"]["receiver"], telegram["telegram_configs"][0]


@needs_amtool
@pytest.mark.parametrize("given", [{}, {"PROMPT2PIC_TELEGRAM_TOKEN": "1:a", "ALERT_CHAT": "-42"}])
def test_alertmanager_takes_the_configuration(tmp_path: Path, given: dict[str, str]) -> None:
    """Alertmanager's own tool finds no fault with what start.sh makes."""
    _started(tmp_path, **given)
    done = subprocess.run(["amtool", "check-config", str(tmp_path / "alertmanager.yml")], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_alerts_go_to_the_owners_chat(tmp_path: Path) -> None:
    """With token and chat Telegram is told; the copy with the token is for its owner's eyes only."""
    receiver, telegram = _routed(_started(tmp_path, PROMPT2PIC_TELEGRAM_TOKEN="1:a", ALERT_CHAT="-42"))
    assert receiver == "telegram"
    assert (telegram["bot_token"], telegram["chat_id"]) == ("1:a", -42)
    assert (tmp_path / "alertmanager.yml").stat().st_mode & 0o077 == 0


def test_without_a_chat_nobody_is_told(tmp_path: Path) -> None:
    """Alerts are still kept and shown."""
    assert _routed(_started(tmp_path, ALERT_CHAT="-42"))[0] == "nobody"
