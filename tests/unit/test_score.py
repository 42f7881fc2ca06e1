"""What a worker counts of its attempts: the figures that objectives are made of."""

import pytest

from prompt2pic.core.events import Token
from prompt2pic.core.jobs import Job
from prompt2pic.ops.metrics import Metrics
from prompt2pic.worker.attempt import Attempt
from prompt2pic.worker.score import Score
from tests.unit.samples import failed, finished, released

REQUESTED = 1_000_000  # ms
TOKEN = Token(1, "a")


def attempt(target: float = 30.0) -> Attempt:
    """Return an attempt at a job that waited two seconds."""
    job = Job(id="r", partition=0, at=0, requested=REQUESTED, claimed=REQUESTED + 2_000)
    return Attempt(job, "a", "fast", 15.0, 5.0, 1, target, 0.0, 0.0, 0.0)


def shown(metrics: Metrics) -> dict[str, float]:
    """Return every sample that is not zero."""
    lines = metrics.exposition().decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if line.startswith("prompt2pic_"))
    return {name: float(value) for name, _, value in samples if float(value)}


@pytest.mark.parametrize(("seconds", "kept"), [(29, "yes"), (31, "no")])
def test_a_picture_is_in_time_by_the_target_of_its_claim(seconds: float, kept: str) -> None:
    """From the request on, not from the claim."""
    metrics = Metrics()
    score = Score(metrics, lambda: REQUESTED + round(1000 * seconds))
    score.begun(attempt())
    score.ended(attempt(), finished(TOKEN, level="fast", seconds=5.0, lowered=True))
    samples = shown(metrics)
    assert samples[f'prompt2pic_on_time_total{{kept="{kept}"}}'] == 1
    assert samples['prompt2pic_requests_total{outcome="finished"}'] == 1
    assert samples['prompt2pic_wait_seconds_sum{level="fast"}'] == 2
    assert samples['prompt2pic_answer_seconds_sum{level="fast"}'] == seconds
    assert samples['prompt2pic_paint_seconds_sum{level="fast"}'] == 5
    assert samples["prompt2pic_lowered_total"] == 1


def test_only_the_last_failure_is_the_end_of_a_request() -> None:
    """What is tried again, or given back, is an attempt's end alone."""
    metrics = Metrics()
    score = Score(metrics, lambda: REQUESTED)
    score.ended(attempt(), failed(TOKEN))
    score.ended(attempt(), released(TOKEN))
    score.ended(attempt(), failed(TOKEN, final=True))
    samples = shown(metrics)
    assert samples['prompt2pic_attempts_total{end="failed"}'] == 2
    assert samples['prompt2pic_attempts_total{end="released"}'] == 1
    assert samples['prompt2pic_requests_total{outcome="failed"}'] == 1
