"""Draws panels as Grafana would, in SVG, from what the same queries give."""

import math
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 470, 250, 56, 44, 56
COLOURS = ("#2a7ab0", "#d9822b", "#3a8f4d", "#a14fb0", "#c0392b", "#6b7a8f", "#9a7b00", "#158f8f")
STYLE = """text { font: 11px system-ui, sans-serif; fill: #333 } .title { font-size: 13px; font-weight: 600 }
.soft { fill: #777 } .grid { stroke: #ddd } .line { fill: none; stroke-width: 1.5 }
.card { fill: #fff; stroke: #ddd } .page { fill: #f4f5f7 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .soft { fill: #999 } .grid { stroke: #333 }
.card { fill: #181b1f; stroke: #333 } .page { fill: #111217 } }"""
UNITS = {"s": " s", "reqps": "/s", "ops": "/s", "pps": "/s", "short": ""}


class Line(NamedTuple):
    """A series: its legend and its points (seconds, value)."""

    legend: str
    points: list[tuple[float, float]]


class Graph(NamedTuple):
    """A panel with what its queries gave; without lines it says why."""

    title: str
    unit: str
    lines: list[Line]
    otherwise: str = "no data"


def page(graphs: list[Graph]) -> str:
    """Return a dashboard of two columns."""
    rows = math.ceil(len(graphs) / 2)
    width, height = 2 * WIDTH + 24, rows * (HEIGHT + 8) + 8
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    body = [
        line
        for number, graph in enumerate(graphs)
        for line in _graph(graph, 8 + (WIDTH + 8) * (number % 2), 8 + (HEIGHT + 8) * (number // 2))
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><style>{STYLE}</style>'
    return "\n".join([head, f'<rect class="page" width="{width}" height="{height}"/>', *body, "</svg>", ""])


def _graph(graph: Graph, x: float, y: float) -> Iterator[str]:
    yield f'<g transform="translate({x},{y})"><rect class="card" width="{WIDTH}" height="{HEIGHT}" rx="4"/>'
    yield f'<text class="title" x="12" y="22">{escape(graph.title)}</text>'
    if graph.lines:
        yield from _axes(graph)
        yield from _lines(graph)
        yield from _legend(graph.lines)
    else:
        yield f'<text class="soft" x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">{graph.otherwise}</text>'
    yield "</g>"


def _scale(graph: Graph) -> tuple[float, float]:
    values = [value for line in graph.lines for _, value in line.points]
    low, high = min(0.0, *values), max(values)
    return low, high if high > low else low + 1


def _axes(graph: Graph) -> Iterator[str]:
    low, high = _scale(graph)
    for part in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
        told = written(low + part * (high - low), graph.unit)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{told}</text>'


def _lines(graph: Graph) -> Iterator[str]:
    low, high = _scale(graph)
    times = [at for line in graph.lines for at, _ in line.points]
    first, last = min(times), max(times)
    for number, line in enumerate(graph.lines):
        trace = " ".join(
            f"{LEFT + (at - first) / (last - first or 1) * (WIDTH - LEFT - 12):.1f},"
            f"{HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM):.1f}"
            for at, value in line.points
        )
        yield f'<polyline class="line" stroke="{COLOURS[number % len(COLOURS)]}" points="{trace}"/>'


def _legend(lines: list[Line]) -> Iterator[str]:
    for number, line in enumerate(lines[:8]):
        x, y = 14 + (WIDTH - 20) / 4 * (number % 4), HEIGHT - 30 + 17 * (number // 4)
        yield f'<rect x="{x}" y="{y - 8}" width="10" height="3" fill="{COLOURS[number]}"/>'
        yield f'<text x="{x + 14}" y="{y - 3}">{escape(line.legend[:17])}</text>'


def written(value: float, unit: str) -> str:
    """Return a value as an axis shows it."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:.3g}{UNITS[unit]}"
