"""Makes the pictures of the dashboards for the docs: `python -m tests.monitoring.make_pictures [--seconds 120]`."""

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.monitoring.draw import Graph, Line, page
from tests.monitoring.load import people_ask, watched
from tests.servers.prometheus import Prometheus

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "monitoring"))
from panels import DASHBOARDS, Panel  # noqa: E402 - it stands beside what is made of it

STEP = 2  # seconds
JOBS = re.compile(r"127\.0\.0\.1:\d+")


def main() -> None:
    """Let people ask for a while, then draw what the panels' queries tell of that time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, watched(Path(folder)) as (fleet, address, server):
        began = time.time()
        people_ask(fleet, address, asked.seconds)
        for name, (_, panels) in DASHBOARDS.items():
            graphs = [graph(panel, server, began) for panel in panels]
            (ROOT / "docs" / "images" / f"dashboard-{name}.svg").write_text(page(graphs), "utf-8")


def graph(panel: Panel, server: Prometheus, began: float) -> Graph:
    """Return a panel with its lines since a time."""
    when = {"start": began, "end": time.time(), "step": STEP}
    lines = [
        Line(_legend(legend, series["metric"]), points)
        for legend, query in panel.queries.items()
        for series in server.ask("query_range", query=query, **when)
        if (points := _points(series))
    ]
    return Graph(panel.title, panel.unit, lines, "no GPU in this machine" if panel.hardware else "no data")


def _points(series: dict[str, Any]) -> list[tuple[float, float]]:
    return [
        (float(at), float(value)) for at, value in series["values"] if value not in ("NaN", "+Inf", "-Inf")
    ]


def _legend(template: str, labels: dict[str, str]) -> str:
    filled = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template)
    return JOBS.sub("", filled).strip()


if __name__ == "__main__":
    main()
