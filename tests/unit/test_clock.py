"""A machine's clock that jumps makes nothing older than it is, and stops nothing from getting old."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core import decide
from prompt2pic.core.clock import PATIENCE, SteadyClock
from prompt2pic.core.dispatch import eligible
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import REMEMBERED, SKEW, Frontier
from prompt2pic.core.queue import Queue
from prompt2pic.core.tally import DAY, DayTally
from tests.unit.samples import HOUR, asked, cancelled, claimed, job, request, told, worker
from tests.unit.test_ledger import Log

YEARS = 4 * 365 * 24 * HOUR  # ms
NOON = 1_000_000 * HOUR  # ms since the epoch
MINUTE = 60_000  # ms


class Machine:
    """A machine whose clock is `wrong` by some ms."""

    def __init__(self) -> None:
        self.seconds, self.wrong = 0.0, 0
        self.clock = SteadyClock(lambda: NOON + int(self.seconds * 1000) + self.wrong, lambda: self.seconds)

    def after(self, seconds: float, wrong: int = 0) -> int:
        """Return by how many ms the steady clock is wrong after so many more seconds with such a clock."""
        self.wrong = wrong
        self.seconds += seconds
        return self.clock.now() - NOON - int(self.seconds * 1000)


def test_a_jump_forward_counts_once_it_has_lasted() -> None:
    """Two minutes on end: a clock that was put right is believed, one that was wrong for a minute is not."""
    machine = Machine()
    assert machine.after(0.0) == 0
    assert machine.after(10.0, YEARS) == 0
    assert machine.after(PATIENCE / 2, YEARS) == 0
    assert machine.after(10.0, 0) == 0
    assert machine.after(10.0, YEARS) == 0
    assert machine.after(PATIENCE - 1.0, YEARS) == 0
    assert machine.after(1.0, YEARS) == YEARS


def test_a_jump_back_counts_at_once() -> None:
    """It makes things younger, which does no harm; that the clock is right again is believed after a while."""
    machine = Machine()
    assert machine.after(0.0) == 0
    assert machine.after(1.0, -DAY) == -DAY
    assert machine.after(1.0, 0) == -DAY
    assert machine.after(PATIENCE, 0) == 0


def test_a_clock_that_nobody_looked_at_is_not_believed_for_it() -> None:
    """However long ago the last look was, a jump must be seen to last."""
    machine = Machine()
    assert machine.after(0.0) == 0
    assert machine.after(1000 * PATIENCE, YEARS) == 0
    assert machine.after(PATIENCE, YEARS) == YEARS


@given(
    st.lists(st.tuples(st.floats(0.0, PATIENCE), st.sampled_from([-HOUR, 0, 0, HOUR, YEARS])), max_size=40)
)
def test_the_steady_clock_is_the_least_of_late(looks: list[tuple[float, int]]) -> None:
    """It is never ahead of the machine's, and of jumps forward it follows only those that lasted."""
    machine = Machine()
    history: list[tuple[float, int]] = []
    for seconds, wrong in [(0.0, 0), *looks]:
        shown = machine.after(seconds, wrong)
        history.append((machine.seconds, wrong))
        assert shown <= wrong
        begun = max((n for n, (at, _) in enumerate(history) if machine.seconds - at >= PATIENCE), default=0)
        assert shown == min(was for _, was in history[begun:])


@pytest.mark.parametrize("times", [1, 3])
def test_a_jump_forward_and_back_does_not_freeze_the_frontier(times: int) -> None:
    """What a wrong clock stamped years ahead counts as the next request, and is forgotten a day after that."""
    log = Log()
    log.ask_and_cancel("before", at=NOON)
    for number in range(times):
        log.ask_and_cancel(f"ahead {number}", at=NOON + YEARS + number)
    log.ask_and_cancel("after", at=NOON + MINUTE)
    log.ask_and_cancel("later", at=NOON + REMEMBERED)
    assert log.advance(now=NOON + REMEMBERED).requests == 0
    log.ask_and_cancel("now", at=NOON + REMEMBERED + MINUTE)
    assert log.advance(now=NOON + REMEMBERED + MINUTE).requests == 1
    log.ask_and_cancel("at last", at=NOON + REMEMBERED + MINUTE + 1)
    assert log.advance(now=NOON + REMEMBERED + MINUTE + 1).requests == times + 2


def test_while_nobody_asks_again_it_counts_as_now() -> None:
    """The newest request of all is as young as it was when somebody first looked with a clock that was right."""
    log = Log()
    log.ask("ahead", at=NOON + YEARS)
    (changed,) = log.ledger.put_right(NOON)
    assert changed.requested == NOON
    assert log.ledger.put_right(NOON + HOUR) == []
    assert changed.requested == NOON


def test_a_jump_back_makes_nothing_older() -> None:
    """What was asked within the wrong hour is as old as what was asked before it, not a day older."""
    log = Log()
    log.ask("before", at=NOON)
    for number in range(3):
        log.ask(f"back {number}", at=NOON - DAY + number)
    log.ask("after", at=NOON + MINUTE)
    jobs = log.ledger.jobs
    assert [job.id for job in log.ledger.put_right(NOON + MINUTE)] == ["back 0", "back 1", "back 2"]
    assert [job.requested for job in jobs.values()] == [NOON] * 4 + [NOON + MINUTE]
    assert log.ledger.put_right(NOON + MINUTE) == []


def test_a_reader_with_a_wrong_clock_does_no_lasting_harm() -> None:
    """While its clock is a day behind everything is young; once that is right again everything is as old as it is."""
    log = Log()
    for number in range(3):
        log.ask(f"r{number}", at=NOON + number * MINUTE)
    jobs = log.ledger.jobs.values()
    assert len(log.ledger.put_right(NOON - DAY)) == 3
    assert not any(decide.too_old(job, NOON - 1) for job in jobs)
    log.ask("meanwhile", at=NOON - DAY + 3 * MINUTE)
    log.ledger.put_right(NOON - DAY + 3 * MINUTE)
    log.ask("after", at=NOON + 9 * MINUTE)
    log.ledger.put_right(NOON + 9 * MINUTE)
    assert [job.requested - NOON for job in jobs] == [0, MINUTE, 2 * MINUTE, 2 * MINUTE, 9 * MINUTE]


def test_a_little_skew_is_nothing_wrong() -> None:
    """The log's clock may be another machine's."""
    log = Log()
    log.ask("skewed", at=NOON + SKEW)
    assert log.ledger.put_right(NOON) == []
    assert log.ledger.put_right(NOON - 1) != []


def test_what_is_put_right_keeps_its_turn() -> None:
    """A request of a wrong year comes in the order of asking, in its person's line and by age."""
    queue = Queue({0: Frontier()})
    for offset, stamp in enumerate([NOON, NOON + YEARS, NOON + 1000]):
        queue.apply(asked(offset, request(f"r{offset}"), stamp))
    assert [job.id for job in queue.upcoming(lambda job: 1.0)] == ["r0", "r2", "r1"]
    queue.put_right(NOON + 1000)
    assert [job.id for job in queue.upcoming(lambda job: 1.0)] == ["r0", "r1", "r2"]
    queue.apply(told(0, claimed("r0", 0), NOON + 2000))
    assert queue.turns.oldest() == NOON + 1000


stamps = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 0, YEARS, -DAY])), min_size=1, max_size=30
)


@given(stamps)
def test_no_age_is_more_than_it_is_by_much(asks: list[tuple[int, int]]) -> None:
    """Whatever the clock did, once it is right no request is older than it was, nor younger than the next right one.

    What came first of all is believed: nothing tells that a clock was wrong that has never been right.
    """
    log = Log()
    real, jobs = NOON, list[tuple[int, int, Job]]()
    log.ask("first", at=NOON)
    for number, (minutes, wrong) in enumerate(asks):
        real += minutes * MINUTE
        log.ask(f"r{number}", at=real + wrong)
        jobs.append((real, wrong, log.ledger.jobs[f"r{number}"]))
    log.ledger.put_right(real)
    last_right = NOON
    for number, (then, wrong, asked_then) in enumerate(jobs):
        following = [at for at, off, _ in jobs[number:] if off == 0]
        last_right = then if wrong == 0 else last_right
        assert last_right <= asked_then.requested <= (following[0] if following else real)
        assert wrong or asked_then.requested == then


def test_a_jump_makes_no_crashed_job_rest_for_years() -> None:
    """A crash that a wrong clock stamped is as good as long ago, for its pause and for who may try again."""
    me = worker("w1")
    crashed = job(requested=NOON, attempts=1, setback=NOON + YEARS, avoid="w1")
    assert not decide.delayed(crashed, NOON)
    assert eligible(crashed, me, 2, NOON)
    assert not eligible(crashed, me, 2, NOON + YEARS)
    assert decide.delayed(job(attempts=1, setback=NOON + 1000), NOON)


def test_a_jump_uses_up_no_quota_for_years() -> None:
    """Pictures asked for in a wrong year do not count once the clock is right, nor keep others from being forgotten."""
    tally = DayTally()
    tally.add("ann", NOON + YEARS, 3)
    tally.add("ann", NOON, 2)
    assert tally.pictures("ann", NOON + HOUR) == 2
    assert tally.room_in("ann", 2, NOON + HOUR) == (DAY - HOUR) / 1000
    tally.forget(NOON + HOUR)
    assert tally.pictures("ann", NOON + HOUR) == 2
    tally.forget(NOON + DAY)
    assert len(tally._asked["ann"]) == 3


def test_a_jump_fails_no_young_job() -> None:
    """By the steady clock a job stays as old as it is while the machine's is years ahead, and after that."""
    machine, log = Machine(), Log()
    log.ask("young", at=NOON)
    log.ask("in the jump", at=NOON + YEARS)
    log.tell(cancelled("other", 9))
    machine.after(0.0)
    for wrong in (YEARS, YEARS, 0, 0):
        machine.after(MINUTE / 1000 / 2, wrong)
        now = machine.clock.now()
        log.ledger.put_right(now)
        assert not any(decide.too_old(job, now) for job in log.ledger.jobs.values())
    late = NOON + DAY + 2 * MINUTE
    log.ledger.put_right(late)
    assert all(decide.too_old(job, late) for job in log.ledger.jobs.values() if job.request)
