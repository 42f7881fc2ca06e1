"""docs/metrics.md describes every metric, and no metric can name a person or a prompt."""

import re
from pathlib import Path

from prometheus_client import Metric

from prompt2pic.ops.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(prompt2pic_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)

# What a label may say; each has few values, which the code knows before anybody asks for anything.
LABELS = {
    *("outcome", "kept", "queue", "level", "end", "kind"),
    *("method", "route", "status", "part", "way", "gpu"),
}


def _declared() -> dict[str, tuple[str, frozenset[str]]]:
    """Return the type and the labels of each metric that the code declares."""
    declared = {}
    collectors = set(Metrics().registry._collector_to_names)
    for collector in collectors:
        labels = getattr(collector, "_labelnames", None)
        for family in getattr(collector, "describe", list)():  # the client's own has no word of itself
            names = family._labelnames if labels is None else labels
            declared[family.name] = (family.type, frozenset(names))
    return declared


def test_the_page_describes_every_metric() -> None:
    """Name, type and labels are those of the code, no metric more and none less."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    described = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert len(described) == len(rows)
    assert described == _declared()


def test_no_label_tells_who_asked_or_for_what() -> None:
    """Labels are of a closed list, in which there is no person, no prompt, no request, no chat."""
    used = {label for _, labels in _declared().values() for label in labels}
    assert used == LABELS


def test_what_is_exposed_is_what_is_declared() -> None:
    """A collector that asks the machine at the scrape gives no family which it did not announce."""
    families: list[Metric] = list(Metrics().registry.collect())
    ours = {family.name for family in families if family.name.startswith("prompt2pic_")}
    assert ours <= set(_declared())
    assert {"prompt2pic_cpu_seconds", "prompt2pic_network_packets", "prompt2pic_requests"} <= ours
