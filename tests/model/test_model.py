"""Every state of small queues, with the real fold and the real decisions, holds the invariants."""

from collections.abc import Callable

import pytest

from tests.model.bounds import Bounds, Left
from tests.model.explore import Explorer
from tests.model.planted import BUGS, Bug

COMPLETE = (
    Bounds(workers=3, faults=Left(crashes=1)),
    Bounds(workers=2, faults=Left(crashes=1, pauses=1, cancels=1)),
    Bounds(workers=2, faults=Left(unknowns=1, releases=1)),
    Bounds(workers=1, max_attempts=1, faults=Left(duplicates=1, commits=1, ticks=1)),
    Bounds(workers=1, max_attempts=1, faults=Left(erasures=1, cancels=1)),
)


@pytest.mark.parametrize("bounds", COMPLETE, ids=str)
def test_every_state_holds_the_invariants(
    bounds: Bounds, record_property: Callable[[str, object], None]
) -> None:
    """Within these bounds every state is visited, and in none is anything lost, held twice or ended twice."""
    report = Explorer(bounds).run(60.0)
    print(report)
    record_property("explored", str(report))
    assert report.complete, report
    assert not report.violation, report


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug) -> None:
    """A rule taken out of the real code is missed within small bounds, and the shortest way there is told."""
    with bug.planted():
        report = Explorer(bug.bounds).run(60.0)
    print(report)
    assert bug.breaks in report.violation, report
    assert report.trace
