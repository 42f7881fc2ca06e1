"""How true the waits are that people are told."""

import pytest

from prompt2pic.core.events import Token
from prompt2pic.core.forecast import Wait
from prompt2pic.core.jobs import Job
from prompt2pic.edge.told import Told
from prompt2pic.ops.metrics import OFF_SECONDS, Metrics
from tests.unit.samples import cancelled, finished

NOW = 1_000_000  # ms
RANGE = Wait(place=1, soonest=10.0, latest=20.0)


def ended(after: float, end: object = None) -> Job:
    """Return a job that ended some seconds after it was told."""
    return Job(id="r", partition=0, at=0, end=end or finished(Token(1, "a")), ended=NOW + round(1000 * after))  # type: ignore[arg-type]


def counted(metrics: Metrics) -> dict[float, float]:
    """Return how many pictures were off by at most each bound."""
    samples = next(iter(metrics.eta_error.collect())).samples
    return {float(one.labels["le"]): one.value for one in samples if one.name.endswith("_bucket")}


@pytest.mark.parametrize(
    ("after", "bound"),
    [(10, 0), (15, 0), (20, 0), (20.5, 1), (24, 5), (9.2, 0), (8, -1), (2000, float("inf"))],
)
def test_what_is_counted_is_the_distance_from_the_range(after: float, bound: float) -> None:
    """0 within the range that was told, above it later, below it sooner."""
    metrics = Metrics()
    told = Told(metrics)
    told.note("r", RANGE, NOW)
    told.hear(ended(after))
    counts = counted(metrics)
    assert next(at for at, count in counts.items() if count) == bound
    assert sum(1 for at in counts if counts[at]) == sum(
        1 for at in (*OFF_SECONDS, float("inf")) if at >= bound
    )


def test_the_first_word_is_the_one_that_counts() -> None:
    """A wait that is corrected later does not make the first one true."""
    metrics = Metrics()
    told = Told(metrics)
    told.note("r", RANGE, NOW)
    told.note("r", Wait(1, 100.0, 200.0), NOW)
    told.hear(ended(150))
    assert counted(metrics)[60] == 0


def test_only_pictures_that_were_promised_are_counted() -> None:
    """No range, no picture, or a request forgotten meanwhile: nothing to compare."""
    metrics = Metrics()
    told = Told(metrics)
    told.note("r", Wait(1), NOW)
    told.hear(ended(15))
    told.note("r", RANGE, NOW)
    told.hear(Job(id="r", partition=0, at=0))
    told.hear(ended(15, cancelled()))
    told.note("r", RANGE, NOW)
    told.keep({"another"})
    told.hear(ended(15))
    assert counted(metrics)[float("inf")] == 0
