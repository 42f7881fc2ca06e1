"""The figures of the benches: printed as they come, kept in docs/performance.json, shown as a table and a plot."""

import os
import platform
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

KEPT = Path(__file__).parents[1] / "docs" / "performance.json"
COLLECTED = "BENCH_FIGURES"  # the variable that names the file where a bench leaves its figures


class Figure(msgspec.Struct, omit_defaults=True):
    """One measured value; `limit` is the goal, at most; `beside` the reference of the same run.

    Figures of one `curve` belong together, each `at` its place along it.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None
    beside: str = ""
    curve: str = ""
    at: float = 0


class Run(msgspec.Struct):
    """What one bench measured, when and on what machine."""

    date: str
    machine: str
    figures: list[Figure]


def figure(
    what: str,
    value: float,
    unit: str,
    *,
    limit: float | None = None,
    beside: str = "",
    curve: str = "",
    at: float = 0,
) -> None:
    """Print a figure and, where this process was started for that, leave it for the table and the plot."""
    made = Figure(what, value, unit, limit, beside, curve, at)
    goal = f"(goal {written(limit, unit)})" if limit is not None else ""
    print("  ".join(filter(None, (f"{what:56}", f"{written(value, unit):>12}", beside, goal))), flush=True)
    if COLLECTED in os.environ:
        with Path(os.environ[COLLECTED]).open("ab") as file:
            file.write(msgspec.json.encode(made) + b"\n")


def written(value: float, unit: str) -> str:
    """Return a value with its unit, to three digits; a unit of `x` is a ratio, one of `%` a share."""
    if unit == "x":
        return f"{value:.2f} times"
    if unit == "%":
        return f"{value:.2%}"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def collected(path: Path) -> Run:
    """Return what a bench that has ended left in a file."""
    figures = msgspec.json.Decoder(Figure).decode_lines(path.read_bytes())
    return Run(f"{datetime.now(UTC):%Y-%m-%d}", machine(), figures)


def kept() -> dict[str, Run]:
    """Return the newest run of each bench."""
    return msgspec.json.decode(KEPT.read_bytes(), type=dict[str, Run]) if KEPT.exists() else {}


def machine() -> str:
    """Describe this machine: processor, cores, memory, Python."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = names[0] if names else platform.processor()
    return f"{os.cpu_count()} cores of {name}, {memory:.0f} GiB, Python {platform.python_version()}"


def table(runs: dict[str, Run]) -> Iterator[str]:
    """Yield the lines of the table, in Markdown, and of what it was measured on."""
    yield "| what | figure | goal | beside, in the same run | bench |"
    yield "| --- | --- | --- | --- | --- |"
    for name, run in runs.items():
        for each in run.figures:
            goal = "" if each.limit is None else written(each.limit, each.unit)
            missed = " **missed**" if each.limit is not None and each.value > each.limit else ""
            cells = (each.what, written(each.value, each.unit), goal + missed, each.beside, f"`{name}`")
            yield f"| {' | '.join(cells)} |"
    places = defaultdict(list)
    for name, run in runs.items():
        places[run.date, run.machine].append(f"`{name}`")
    yield ""
    for (date, where), names in places.items():
        yield f"Measured on {date}, {where}: {', '.join(names)}."
