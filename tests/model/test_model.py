"""Every state of small queues, with the real fold and the real decisions, holds the invariants."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.model.bounds import ANY, Bounds, Left
from tests.model.explore import Explorer
from tests.model.planted import BUGS, Bug

FAULTS = Left(crashes=ANY, releases=ANY, cancels=ANY, duplicates=ANY, erasures=ANY, unknowns=1, ticks=2)
COMPLETE = (
    Bounds(workers=3, faults=FAULTS._replace(unknowns=2)),
    Bounds(workers=3, faults=FAULTS, notify=True),
    Bounds(jobs=2, workers=2, faults=Left(crashes=ANY, releases=ANY, cancels=ANY, duplicates=ANY)),
    Bounds(jobs=2, workers=2, faults=Left(unknowns=1, crashes=ANY)),
    Bounds(workers=1, max_attempts=1, faults=Left(duplicates=1, commits=1, ticks=1)),
    Bounds(max_attempts=1, max_stalls=1, faults=Left(crashes=1, commits=1)),
)
# Small enough to tell all states apart.
SMALL = (
    Bounds(max_attempts=1, max_stalls=1, faults=Left(crashes=1, pauses=1)),
    Bounds(max_attempts=1, max_stalls=1, faults=Left(unknowns=1)),
    Bounds(max_attempts=1, max_stalls=1, faults=Left(duplicates=1, ticks=1)),
    Bounds(max_attempts=1, max_stalls=1, progress=0, faults=Left(cancels=1), notify=True),
    Bounds(max_attempts=1, max_stalls=1, progress=0, faults=Left(cancels=1, erasures=1)),
    Bounds(workers=1, max_attempts=1, max_stalls=1, faults=Left(unknowns=1, releases=1)),
    Bounds(max_attempts=2, max_stalls=1, progress=0),
    Bounds(jobs=2, workers=1, max_attempts=1, max_stalls=1, progress=0, faults=Left(crashes=1)),
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


@pytest.mark.parametrize("bounds", SMALL, ids=str)
def test_the_reduced_space_is_the_image_of_the_whole_one(bounds: Bounds) -> None:
    """What counts as one state is met if and only if one of the states is met that it stands for."""
    reduced, whole = Explorer(bounds), Explorer(replace(bounds, reduced=False))
    assert reduced.run(60.0).complete
    assert whole.run(60.0).complete
    alike = whole.space.alike
    images = {alike.name(alike.state(state)) for state in whole.states()}
    assert {reduced.space.alike.name(state) for state in reduced.states()} == images


@pytest.mark.parametrize("reduced", [True, False], ids=["reduced", "whole"])
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug, reduced: bool) -> None:
    """A rule taken out of the real code is missed within small bounds, and the shortest way there is told."""
    with bug.planted():
        report = Explorer(replace(bug.bounds, reduced=reduced)).run(60.0)
    print(report)
    assert report.violation in bug.breaks, report
    assert report.trace
