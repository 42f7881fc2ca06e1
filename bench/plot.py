"""A plot of the figures, as SVG: each against its goal, and the curves."""

import math
from collections.abc import Iterator
from html import escape

from bench.figures import Figure, written

WIDTH, LABELS, ROW, BAR = 960, 480, 26, 14
PANEL, MARGIN = 250, 60
FULL = 1.25  # a bar's share of its goal at the right edge
STYLE = """text { font: 13px system-ui, sans-serif; fill: #222 } .soft { fill: #777 } .on { fill: #fff }
.bar { fill: #2a7ab0 } .missed { fill: #c0392b }
.line { stroke: #2a7ab0; stroke-width: 2; fill: none } .axis { stroke: #999 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .soft { fill: #999 } .on { fill: #fff } }"""


def plot(figures: list[Figure]) -> str:
    """Return the picture: bars of the figures that have a goal, then a panel for each curve."""
    bars = [each for each in figures if each.limit]
    curves = {each.curve: [point for point in figures if point.curve == each.curve] for each in figures}
    curves.pop("", None)
    bottom = (len(bars) + 2) * ROW if bars else 0
    height = bottom + math.ceil(len(curves) / 2) * PANEL
    lines = [*_bars(bars)] if bars else []
    for number, (title, points) in enumerate(curves.items()):
        lines += _panel(title, points, WIDTH / 2 * (number % 2), bottom + PANEL * (number // 2))
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>", ""])


def _bars(figures: list[Figure]) -> Iterator[str]:
    scale = (WIDTH - LABELS - 20) / FULL
    goal = LABELS + scale
    yield f'<text x="{goal}" y="16" text-anchor="middle">goal</text>'
    yield f'<line class="axis" x1="{goal}" x2="{goal}" y1="22" y2="{(len(figures) + 1) * ROW}"/>'
    for row, each in enumerate(figures, 1):
        limit, y = each.limit or 1.0, row * ROW + 4
        share = each.value / limit
        kind = "bar" if share <= 1 else "missed"
        told = f"{written(each.value, each.unit)} of {written(limit, each.unit)}"
        yield f'<text x="{LABELS - 10}" y="{y + 12}" text-anchor="end">{escape(each.what)}</text>'
        yield f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{min(share, FULL) * scale:.1f}" height="{BAR}"/>'
        within = share > 0.4
        x, colour = (LABELS + 6, "on") if within else (LABELS + share * scale + 6, "soft")
        yield f'<text class="{colour}" x="{x:.1f}" y="{y + 11}" style="font-size:11px">{told}</text>'


def _panel(title: str, points: list[Figure], left: float, top: float) -> Iterator[str]:
    width, height = WIDTH / 2 - 2 * MARGIN, PANEL - 2 * MARGIN
    largest = max(point.value for point in points)
    first, last = math.log(points[0].at), math.log(points[-1].at)

    def place(point: Figure) -> tuple[float, float]:
        along = (math.log(point.at) - first) / (last - first or 1)
        return left + MARGIN + along * width, top + MARGIN + height * (1 - point.value / largest)

    yield f'<text x="{left + MARGIN}" y="{top + 30}">{escape(title)}</text>'
    base = top + MARGIN + height
    yield f'<line class="axis" x1="{left + MARGIN}" x2="{left + MARGIN + width}" y1="{base}" y2="{base}"/>'
    trace = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, points))
    yield f'<polyline class="line" points="{trace}"/>'
    for point in points:
        x, y = place(point)
        yield f'<circle class="bar" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        yield f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">{written(point.value, "").strip()}</text>'
        yield f'<text class="soft" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{point.at:,.0f}</text>'
