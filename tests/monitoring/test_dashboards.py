"""The dashboards over the product at work."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.monitoring.load import people_ask, watched
from tests.servers.prometheus import Prometheus
from tests.servers.service import eventually

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
sys.path.insert(0, str(FOLDER))
import make_dashboards  # noqa: E402 - it stands beside what it makes
from panels import DASHBOARDS, Panel  # noqa: E402

PANELS = [panel for _, panels in DASHBOARDS.values() for panel in panels]
QUERIES = [query for panel in PANELS for query in panel.queries.values()]
SERVERS = ("prometheus", "prometheus-node-exporter")
MISSING = [name for name in SERVERS if shutil.which(name) is None]
LOAD = 45.0  # seconds


def test_the_dashboards_are_those_of_the_panels() -> None:
    """What Grafana reads is what make_dashboards.py writes."""
    for path, text in make_dashboards.pages().items():
        assert path.read_text("utf-8") == text, "run python deploy/monitoring/make_dashboards.py"
        assert all(len(panel["targets"]) for panel in json.loads(text)["panels"])


def test_panels_ask_for_what_exists() -> None:
    """Each name is a metric of docs/metrics.md or one of the recording rules."""
    known = set(
        re.findall(r"^\| `(prompt2pic_\w+)`", (ROOT / "docs/metrics.md").read_text("utf-8"), re.MULTILINE)
    )
    recorded = set(
        re.findall(r"record: (\S+)", (FOLDER / "prometheus/rules/recording.yml").read_text("utf-8"))
    )
    used = {name for query in QUERIES for name in re.findall(r"prompt2pic[_:][\w:]+", query)}
    assert {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in used} <= known | recorded


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.timeout(300)
def test_no_panel_is_empty_while_people_ask(tmp_path: Path) -> None:
    """Every query gives numbers over the real thing under load, but for hardware that is not here."""
    with watched(tmp_path) as (fleet, page, server):
        people_ask(fleet, page, LOAD)
        eventually(lambda: not _empty(server), f"empty: {_empty(server)}", 60)
        assert all(each["value"][1] == "1" for each in server.now("up"))


def _empty(server: Prometheus) -> list[str]:
    """Return the queries that give nothing, of panels that should show something here."""
    shown: list[Panel] = [panel for panel in PANELS if not panel.hardware]
    return [query for panel in shown for query in panel.queries.values() if not server.now(query)]
