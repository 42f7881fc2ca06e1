"""Runs every bench, or the named ones, and writes what they measured: `python -m bench [overhead idle ...]`."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.figures import COLLECTED, KEPT, Run, collected, kept, table
from bench.plot import plot

OVER_KAFKA = ("overhead", "claims", "submits", "start", "size", "throughput")
BENCHES = (
    *(
        "overhead",
        "idle",
        "log_sqlite",
        "fold",
        "choice",
        "crews",
        "workers",
        "start",
        "painter",
        "painter_full",
        "samplers",
        "faults",
        "bot",
        "metrics",
        "queue",
    ),
    *(f"queue.{name}" for name in OVER_KAFKA),
)
PAGE, PLOT = KEPT.with_suffix(".md"), KEPT.parent / "images" / "performance.svg"
SCALE, CURVES = (
    KEPT.parent / "images" / "scale.svg",
    ("queue.throughput", "crews"),
)  # what docs/scale.md shows
BETWEEN = re.compile("(?<=<!-- figures -->\n).*(?=<!-- end -->)", re.DOTALL)


def main() -> int:
    """Run the benches one after the other, each in a process of its own, and return the worst exit code."""
    asked = sys.argv[1:] or BENCHES
    unknown = [name for name in asked if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"There is no bench {unknown[0]}: {', '.join(BENCHES)}\n")
        return 2
    runs, worst = kept(), 0
    for name in asked:
        code, run = measured(name)
        worst = max(worst, code)
        if code == 0:
            runs[name] = run
    publish({name: runs[name] for name in BENCHES if name in runs})
    return worst


def measured(name: str) -> tuple[int, Run]:
    """Run one bench under its name; return its exit code and what it measured."""
    print(f"\n{name}", flush=True)
    with tempfile.NamedTemporaryFile() as file:
        environment = os.environ | {COLLECTED: file.name}
        done = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False, env=environment)
        return done.returncode, collected(Path(file.name))


def publish(runs: dict[str, Run]) -> None:
    """Keep the figures, and write the page's table and the plot from them."""
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(runs), indent=1) + b"\n")
    lines = [*table(runs), ""]
    print("\n" + "\n".join(lines))
    PAGE.write_text(BETWEEN.sub(lambda _: "\n".join(lines), PAGE.read_text()))
    PLOT.write_text(plot([each for run in runs.values() for each in run.figures]))
    SCALE.write_text(plot([each for name in CURVES if name in runs for each in runs[name].figures]))


if __name__ == "__main__":
    sys.exit(main())
