"""Nobody waits for somebody else's flood: the real core, simulated."""

from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.simulation import Arrival, Simulation, ask

FLOOD = [ask("flooder", number) for number in range(200)]


def p95(waits: list[float]) -> float:
    """Return the 95th percentile of ascending waits."""
    return waits[int(0.95 * (len(waits) - 1))]


def crowd(apart: float, level: str) -> list[Arrival]:
    """Return twenty people with one request each, a second after the flood and some seconds apart."""
    return [ask(f"person {number}", 0, 1.0 + apart * number, level) for number in range(20)]


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("level", ["auto", "fast", "best"])
def test_a_flood_delays_nobody_else(workers: int, level: str) -> None:
    """With 200 requests of one person before them, 20 others' p95 wait is at most 1.3 times what it is without."""
    others = crowd(0.0, level)
    alone = p95(Simulation(workers, others).run().waits())
    flooded = p95(Simulation(workers, FLOOD + others).run().waits(but="flooder"))
    print(f"{workers} workers, {level}: p95 {alone:.1f} s alone, {flooded:.1f} s beside the flood")  # noqa: T201
    assert flooded <= 1.3 * alone


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_whoever_comes_into_a_flood_waits_for_the_paintings_at_hand(workers: int) -> None:
    """People who come one by one while a flood is painted are next: they wait for a worker to be free, no more."""
    others = crowd(15.0, "fast")
    flooded = Simulation(workers, FLOOD + others).run().waits(but="flooder")
    assert flooded[-1] <= 1.2 * 8.0  # seconds; the longest painting that may be at hand when somebody comes


COUNTS, LEVELS = (1, 2, 4), ("auto", "fast", "best")


def heaps(asked: list[tuple[int, int, str, int, int]]) -> list[Arrival]:
    """Return what comes of heaps of equal requests: whose, when, their level and count, and how many."""
    return [
        ask(f"person {person}", 100 * heap + number, float(at), level, count)
        for heap, (person, at, level, count, size) in enumerate(asked)
        for number in range(size)
    ]


heap = st.tuples(
    st.integers(0, 5),
    st.integers(0, 60),
    st.sampled_from(LEVELS),
    st.sampled_from(COUNTS),
    st.sampled_from((1, 1, 2, 5, 20, 60)),
)
arrivals = st.lists(heap, min_size=1, max_size=12).map(heaps)


def overtaken(simulation: Simulation) -> Counter[tuple[str, str]]:
    """Return how many turns each person had while a job was the next of its person's, for each job and person.

    What went by age was nobody's turn.
    """
    came = {job: turns for turns, job in simulation.asked}
    had: Counter[tuple[str, str]] = Counter()
    last: dict[str, int] = {}
    for index, turn in enumerate(simulation.turns):
        first = max(came[turn.job], last.get(turn.person, 0))
        between = simulation.turns[first:index]
        had.update((turn.job, other.person) for other in between if not other.by_age)
        last[turn.person] = index + 1
    return had


@settings(max_examples=60)
@given(arrivals, st.integers(1, 4), st.integers(0, 1000))
def test_nobody_starves(arrivals: list[Arrival], workers: int, seed: int) -> None:
    """Once a job is its person's next, any other person gets at most as many turns before it as the dearest turn
    is worth of the cheapest, one more, and one for each other worker, which may take a job ahead of its turn.
    """
    simulation = Simulation(workers, arrivals, seed).run()
    assert len(simulation.turns) == len(arrivals)
    charged = [turn.predicted for turn in simulation.turns]
    bound = ceil(max(charged) / min(charged)) + 1 + (workers - 1)
    assert max(overtaken(simulation).values(), default=0) <= bound


@settings(max_examples=60)
@given(st.integers(2, 6), st.integers(1, 12), st.integers(1, 4))
def test_equal_requests_take_turns(people: int, each: int, workers: int) -> None:
    """People who ask for the same at the same time alternate: while one waits, none gets two turns more, nor one
    more than that for each other worker.
    """
    arrivals = [
        ask(f"person {person}", number, 0.0, "fast") for person in range(people) for number in range(each)
    ]
    simulation = Simulation(workers, arrivals).run()
    assert max(overtaken(simulation).values(), default=0) <= 2 + (workers - 1)
