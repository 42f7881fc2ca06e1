"""Writes Grafana's dashboards from the panels: `python deploy/monitoring/make_dashboards.py`."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # run as a script, from anywhere
from panels import DASHBOARDS, Panel

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT = 12, 8  # of Grafana's 24 columns, and its rows


def pages() -> dict[Path, str]:
    """Return each dashboard's file with what is to stand in it."""
    return {
        FOLDER / f"{name}.json": json.dumps(_dashboard(name, title, panels), ensure_ascii=False, indent=1)
        + "\n"
        for name, (title, panels) in DASHBOARDS.items()
    }


def _dashboard(name: str, title: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    return {
        "uid": f"prompt2pic-{name}",
        "title": title,
        "tags": ["prompt2pic"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.what,
        "datasource": SOURCE,
        "gridPos": {"x": WIDTH * (number % 2), "y": HEIGHT * (number // 2), "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": None, "custom": {"fillOpacity": 8}},
            "overrides": [],
        },
        "options": {"legend": {"showLegend": True, "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [_target(*query) for query in zip("ABCDEFGH", panel.queries.items(), strict=False)],
    }


def _target(letter: str, query: tuple[str, str]) -> dict[str, Any]:
    legend, expr = query
    return {"refId": letter, "expr": expr, "legendFormat": legend, "datasource": SOURCE}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
