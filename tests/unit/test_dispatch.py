"""Which job an idle worker takes: advice on which workers agree without talking to each other."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from prompt2pic.core.dispatch import candidates, eligible, pick, rank
from prompt2pic.core.forecast import Load
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.queue import Queue
from prompt2pic.core.speeds import Speeds
from tests.unit.samples import HOUR, MODEL, asked, job, request, worker

NOW = 100 * HOUR
NAMES = [f"worker-{number}" for number in range(9)]


def test_only_what_can_be_painted_now_is_eligible() -> None:
    """A job waits for its request, for its pause after a crash and for a worker of its model; too old is too old."""
    me = worker("w1")
    assert eligible(job(requested=NOW), me, 1, NOW)
    assert not eligible(job(request=None, requested=0), me, 1, NOW)
    assert not eligible(job(requested=NOW - 24 * HOUR - 1), me, 1, NOW)
    assert eligible(job(requested=NOW - 24 * HOUR), me, 1, NOW)
    assert not eligible(job(requested=NOW, attempts=1, setback=NOW - 999), me, 1, NOW)
    assert eligible(job(requested=NOW, attempts=1, setback=NOW - 1_000), me, 1, NOW)
    assert eligible(job(requested=NOW, asked=request(model=MODEL.name)), me, 1, NOW)
    assert not eligible(job(requested=NOW, asked=request(model="another")), me, 1, NOW)


def test_a_crashed_job_is_tried_elsewhere_if_possible() -> None:
    """Who crashed on a job leaves it to the others, unless there are none."""
    crashed = job(requested=NOW, attempts=1, setback=NOW - 10_000, avoid="w1")
    assert not eligible(crashed, worker("w1"), 2, NOW)
    assert eligible(crashed, worker("w2"), 2, NOW)
    assert eligible(crashed, worker("w1"), 1, NOW)


def test_a_crashed_job_is_not_left_to_others_for_ever() -> None:
    """Where nobody else takes it, for they are busy or of another model, it is tried here again."""
    crashed = job(requested=NOW, attempts=1, setback=NOW, avoid="w1")
    assert not eligible(crashed, worker("w1"), 2, NOW + 60_000)
    assert eligible(crashed, worker("w1"), 2, NOW + 60_001)


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_idle_workers_have_different_ranks(idle: set[str]) -> None:
    """All agree on one order of the idle workers, whether or not one counts itself among them."""
    assert sorted(rank(name, idle) for name in idle) == list(range(len(idle)))
    assert all(rank(name, idle - {name}) == rank(name, idle) for name in idle)


def test_the_rth_worker_takes_the_rth_job() -> None:
    """Idle workers take different jobs at once, without a wait."""
    jobs = [job(f"r{number}") for number in range(3)]
    for place in range(3):
        assert pick(iter(jobs), place, 0.0) == (jobs[place], 0.0)


def test_a_worker_without_a_turn_waits_its_rank() -> None:
    """With fewer jobs than idle workers the last job is taken by the next in rank if it is left lying."""
    jobs = [job("r0"), job("r1")]
    assert pick(jobs, 2, 0.0) == (None, 0.25)
    assert pick(jobs, 3, 0.125) == (None, 0.375)
    assert pick(jobs, 2, 0.25) == (jobs[1], 0.0)


def test_without_a_job_nobody_looks_again() -> None:
    """Only a new record can bring one, and that wakes whoever follows the log."""
    for place, waited in [(0, 0.0), (3, 0.0), (0, 5.0)]:
        assert pick([], place, waited) == (None, 0.0)


@given(st.integers(0, 20), st.integers(0, 9), st.floats(0, 10))
def test_no_job_is_left_lying(jobs: int, place: int, waited: float) -> None:
    """Where there is a job, a worker takes one now or is told when to look again, and then takes one."""
    line = [job(f"r{number}") for number in range(jobs)]
    taken, again = pick(line, place, waited)
    assert (taken is None) == (again > 0 or not line)
    assert not line or pick(line, place, waited + again + 1e-9)[0] is not None


def test_no_more_jobs_are_looked_at_than_there_are_before_ones_own() -> None:
    """The first in rank takes the first job without a look at a queue that may be long."""
    line = iter([job("r0"), job("r1"), job("r2")])
    pick(line, 1, 0.0)
    assert next(line).id == "r2"


def test_candidates_keep_the_order_of_turns() -> None:
    """What a worker may not take is left out, the rest stays in order."""
    me = worker("w1")
    mine, other = request(model=MODEL.name), request(model="another")
    queue = Queue({0: Frontier()})
    for offset, body in enumerate([request("a"), replace(other, id="b"), replace(mine, id="c")]):
        queue.apply(asked(offset, body, NOW))
    offers = candidates(queue, me, Load([me], [], Speeds(), NOW))
    assert [offer.job.id for offer in offers] == ["a", "c"]
