"""Whatever is killed, paused and restarted at random while many people ask, each of them gets what they asked for."""

import random
from pathlib import Path

import pytest

from tests.chaos.trial import check, hold

REQUESTS, PEOPLE = 300, 20  # `python -m tests.chaos` holds longer trials
LIMIT = 280.0  # seconds; on a quiet machine it takes a minute


@pytest.mark.timeout(LIMIT + 60)
def test_nothing_is_lost_doubled_mixed_up_or_unfair_in_chaos(tmp_path: Path) -> None:
    """Web, workers and painters are killed, paused past their leases and restarted at random: none of the accepted
    requests is lost, none ends twice, each person sees their own and no other, and nobody gets far beyond their turn.
    """
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it where the test fails
    trial = hold(tmp_path, seed=seed, requests=REQUESTS, people=PEOPLE, limit=LIMIT)
    print(trial.story())  # noqa: T201
    check(trial)
