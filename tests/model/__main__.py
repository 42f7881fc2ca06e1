"""Explore a space of states and print what was covered: `python -m tests.model --jobs 2 --workers 3 --minutes 10`.

Without limits of their own the faults come as often as they may: crashes, pauses, releases, cancels, duplicates
and erasures any number of times, one append with an unknown outcome, and two half-days, which are more than
the maximum age. Expiries cost nothing and come at any time.

`--all` explores each of ALL, in a process of its own, and prints one table. All these faults come together for
1 job x 3 workers (with three unknown outcomes), 2 x 2 (also where the person must be told) and 2 x 3. One more of
2 x 2, without erasures and half-days, has two unknown outcomes. Where frontiers are committed the history of
the records matters: there states are told apart by it, and the queues are smaller.

The exit code is 1 if an invariant is violated; then the shortest way there is told.
"""

import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from collections.abc import Iterator
from multiprocessing import get_context

from tests.model.bounds import ANY, Bounds, Left
from tests.model.explore import Report, explored

FAULTS = Left(
    crashes=ANY, unknowns=1, pauses=ANY, releases=ANY, cancels=ANY, duplicates=ANY, erasures=ANY, ticks=2
)
ALL = (
    Bounds(jobs=1, workers=3, faults=FAULTS._replace(unknowns=3), notify=True),
    Bounds(jobs=2, workers=2, faults=FAULTS),
    Bounds(jobs=2, workers=2, faults=FAULTS._replace(unknowns=2, erasures=0, ticks=0)),
    Bounds(jobs=2, workers=2, faults=FAULTS, notify=True),
    Bounds(jobs=2, workers=3, faults=FAULTS),
    Bounds(max_attempts=1, max_stalls=1, faults=Left(crashes=1, commits=1)),
    Bounds(workers=1, max_attempts=1, faults=Left(duplicates=1, commits=1, ticks=1)),
    Bounds(jobs=2, workers=1, max_attempts=1, max_stalls=1, progress=0, faults=Left(cancels=1, commits=1)),
)


def main() -> int:
    """Explore what the command line asks for; return the exit code."""
    asked = _arguments()
    seconds = asked.minutes * 60
    if asked.all:
        reports = list(_all(seconds))
        print(_table(reports))
    else:
        reports = [explored(_bounds(asked), seconds)]
    return int(any(report.violation for report in reports))


def _all(seconds: float) -> Iterator[Report]:
    # One process each, whose peak memory is its own.
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for bounds in ALL:
            yield pool.apply(explored, (bounds, seconds))


def _table(reports: list[Report]) -> str:
    lines = [
        "| configuration | states | transitions | seconds | memory | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [
        f"| {report.bounds} | {report.states:,} | {report.transitions:,} | {report.seconds:.0f} "
        f"| {report.megabytes:,} MB | {report.how} |"
        for report in reports
    ]
    return "\n".join(lines)


def _bounds(asked: Namespace) -> Bounds:
    faults = Left(**{name: getattr(asked, name) for name in Left._fields})
    return Bounds(
        jobs=asked.jobs,
        workers=asked.workers,
        asked=min(asked.asked, asked.jobs),
        max_attempts=asked.max_attempts,
        max_stalls=asked.max_stalls,
        progress=asked.progress,
        faults=faults,
        notify=asked.notify,
        reduced=not asked.unreduced,
    )


def _arguments() -> Namespace:
    parser = ArgumentParser(
        prog="python -m tests.model", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="explore the standing list instead")
    parser.add_argument("--minutes", type=float, default=ANY, help="the longest that one exploration takes")
    for name in ("jobs", "workers", "asked", "max_attempts", "max_stalls", "progress"):
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=getattr(Bounds, name), help="of the space"
        )
    for name, times in FAULTS._asdict().items():
        parser.add_argument(f"--{name}", type=_times, default=times, help="times, or `inf` for any number")
    parser.add_argument("--notify", action="store_true", help="a job is over only when the person was told")
    parser.add_argument("--unreduced", action="store_true", help="tell all states apart")
    return parser.parse_args()


def _times(text: str) -> float:
    return ANY if text == "inf" else int(text)


if __name__ == "__main__":
    sys.exit(main())
