"""Quality follows load: the best level that lets everybody else keep their time."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.forecast import Load
from prompt2pic.core.jobs import Job
from prompt2pic.core.quality import Choice, Targets, choose, expected_level
from prompt2pic.core.requests import LEVELS, LevelAsked
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import WorkerState
from tests.unit.samples import held, job, request, worker

NOW = 10_000_000  # ms
TARGETS = Targets(busy=30.0, idle=180.0)


def waiting(id: str, waited: float = 0.0, level: LevelAsked = "auto", count: int = 1) -> Job:
    """Return a job that waited so many seconds."""
    return job(id, asked=request(id, level=level, count=count), requested=NOW - int(waited * 1000))


def load(*workers: WorkerState, held_jobs: tuple[Job, ...] = ()) -> Load:
    """Return what these workers have to do."""
    return Load(list(workers), list(held_jobs), Speeds(), NOW)


def chosen(
    mine: Job, *others: Job, me: WorkerState | None = None, last: str = "best", targets: Targets = TARGETS
) -> Choice:
    """Return the choice of one worker that is alone and paints in 2, 4 and 8 seconds unless another is given."""
    painter = me or worker()
    return choose(mine, [mine, *others], painter, load(painter), targets, last)


def test_a_short_queue_gets_the_best() -> None:
    """With time for everybody nobody is painted for in a hurry."""
    assert chosen(waiting("a")) == Choice("best", False, 8.0)
    assert chosen(waiting("a"), waiting("b"), waiting("c")) == Choice("best", False, 8.0)


def test_a_long_queue_gets_what_it_can_be_painted_in() -> None:
    """Everybody else at `fast` after this job: 8 s and 11 others fit into 30 s, 4 s and 13 others, not more."""
    for others, level in [(11, "best"), (12, "balanced"), (13, "balanced"), (14, "fast"), (100, "fast")]:
        choice = chosen(waiting("a"), *(waiting(f"b{n}") for n in range(others)))
        assert (choice.level, choice.lowered) == (level, level != "best")


def test_who_would_be_late_even_alone_binds_nobody() -> None:
    """A job past its time is no reason to hurry with another one."""
    assert chosen(waiting("a"), waiting("late", waited=28.1)).level == "best"
    assert chosen(waiting("a"), waiting("not late", waited=28.0)).level == "fast"


def test_a_job_past_its_own_time_is_painted_fast() -> None:
    """What can not be in time at any level is at least not kept waiting longer."""
    assert chosen(waiting("a", waited=22.0), waiting("b")) == Choice("best", False, 8.0)
    assert chosen(waiting("a", waited=22.01), waiting("b")) == Choice("balanced", True, 4.0)
    assert chosen(waiting("a", waited=29.0), waiting("b")) == Choice("fast", True, 2.0)


def test_a_clock_that_is_behind_the_logs_gives_no_credit() -> None:
    """What was asked for "in the future" was asked for now: its time is the target and not more."""
    early, tight = waiting("a", waited=-100.0), Targets(busy=7.5, idle=7.5)
    assert chosen(early, waiting("b"), targets=tight).level == "balanced"
    assert chosen(early, targets=tight).level == "balanced"


def test_with_nobody_waiting_the_idle_target_decides() -> None:
    """A slow machine still paints its best at night, as long as that is within the longer target."""
    slow = worker(seconds={"fast": 40.0, "balanced": 100.0, "best": 170.0})
    assert chosen(waiting("a"), me=slow) == Choice("best", False, 170.0)
    assert chosen(waiting("a", waited=20.0), me=slow) == Choice("balanced", False, 100.0)
    assert chosen(waiting("a"), waiting("b"), me=slow) == Choice("fast", True, 40.0)


def test_what_the_machine_can_not_is_no_fault_of_the_load() -> None:
    """Where the best is out of reach with nobody waiting, a lower level is not said to be lowered by load."""
    slow = worker(seconds={"fast": 25.0, "balanced": 200.0, "best": 300.0})
    assert chosen(waiting("a"), me=slow) == Choice("fast", False, 25.0)
    assert chosen(waiting("a"), waiting("b"), me=slow) == Choice("fast", False, 25.0)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_that_was_asked_for_is_honoured(level: LevelAsked) -> None:
    """However many wait: who asked for a level gets it, and it is not said to be lowered."""
    others = [waiting(f"b{n}") for n in range(100)]
    assert chosen(waiting("a", level=level), *others).level == level
    assert not chosen(waiting("a", level=level), *others).lowered


def test_others_who_asked_for_the_best_are_waited_for() -> None:
    """Another person's explicit level is the time that their job takes."""
    others = [waiting(f"b{n}", level="best") for n in range(3)]
    assert chosen(waiting("a"), *others[:2]).level == "best"
    assert chosen(waiting("a"), *others).level == "balanced"


def test_going_up_needs_some_room() -> None:
    """After a lower level a higher one must keep the target with a tenth to spare, so that it does not flap."""
    others = [waiting(f"b{n}") for n in range(10)]
    assert chosen(waiting("a"), *others, last="best").level == "best"
    assert chosen(waiting("a"), *others, last="balanced").level == "balanced"
    assert chosen(waiting("a"), *others[:9], last="fast").level == "best"
    assert chosen(waiting("a"), last="fast").level == "best"


def test_without_measurements_it_is_fast() -> None:
    """A level of unknown length is not chosen, and the prediction says that there is none."""
    assert chosen(waiting("a"), me=worker(seconds={})) == Choice("fast", False, None)
    assert chosen(waiting("a"), me=worker(seconds={"fast": 2.0})) == Choice("fast", False, 2.0)
    assert chosen(waiting("a"), me=worker(seconds={"best": 8.0})) == Choice("best", False, 8.0)


def test_a_job_of_unknown_length_binds_nobody() -> None:
    """Where nothing is known of another job, its time is no reason to hurry."""
    unread = job("x", request=None, requested=NOW)
    assert chosen(waiting("a"), unread).level == "best"
    assert chosen(waiting("a"), unread, *(waiting(f"b{n}") for n in range(12))).level == "balanced"


def test_other_workers_take_their_share() -> None:
    """With a second worker idle the same queue leaves room for the best."""
    me, others = worker("w1"), [waiting(f"b{n}") for n in range(14)]
    mine = waiting("a")
    assert choose(mine, others, me, load(me), TARGETS, "best").level == "fast"
    assert choose(mine, others, me, load(me, worker("w2")), TARGETS, "best").level == "best"
    busy = load(me, worker("w2"), held_jobs=(held("h", "w2", predicted=100.0, claimed_at=NOW),))
    assert choose(mine, others, me, busy, TARGETS, "best").level == "fast"


def test_the_expected_level_is_that_of_the_next_job() -> None:
    """What `auto` comes to is what the first in turn would be painted at now."""
    crowd = [waiting(f"b{n}") for n in range(13)]
    assert expected_level([], load(worker()), TARGETS) == "best"
    assert expected_level(crowd, load(), TARGETS) == "best"
    assert expected_level([job("x", request=None)], load(worker()), TARGETS) == "best"
    assert expected_level(crowd[:1], load(worker()), TARGETS) == "best"
    assert expected_level(crowd, load(worker()), TARGETS) == "balanced"
    slow = worker(seconds={"fast": 40.0, "balanced": 100.0, "best": 170.0})
    assert expected_level(crowd[:1], load(slow), TARGETS) == "best"
    assert expected_level([*crowd, job("x", request=None)], load(worker()), TARGETS) == "balanced"
    assert expected_level([waiting("late", waited=23.0), waiting("b")], load(worker()), TARGETS) == "balanced"


def test_the_expected_level_needs_no_room() -> None:
    """Nobody has chosen before: a level that just keeps the target is told."""
    crowd = [waiting(f"b{n}") for n in range(12)]
    assert expected_level(crowd, load(worker()), TARGETS) == "best"
    assert expected_level([*crowd, waiting("one more")], load(worker()), TARGETS) == "balanced"


def test_only_the_next_500_are_looked_at() -> None:
    """Who waits behind them binds nobody: a choice takes no longer in the longest of queues."""
    mine, hasty = waiting("a"), waiting("hasty")
    late = [waiting(f"b{n}", waited=29.0) for n in range(500)]
    for ahead, level in [(late[1:], "fast"), (late, "best")]:
        assert chosen(mine, *ahead, hasty).level == level
        assert expected_level([mine, *ahead, hasty], load(worker()), TARGETS) == level


class Situation(NamedTuple):
    """A job to be painted now, who else waits, and who is there."""

    mine: Job
    others: list[Job]
    me: WorkerState
    load: Load
    targets: Targets
    last: str

    def level(self) -> int:
        """Return the level that is chosen, from 0."""
        return LEVELS.index(choose(self.mine, self.others, self.me, self.load, self.targets, self.last).level)


levels = st.sampled_from(LEVELS)
asked_levels = st.sampled_from(["auto", "auto", *LEVELS])
jobs = st.builds(
    waiting,
    st.integers(0, 10**9).map("b{}".format),
    st.sampled_from([0.0, 1.0, 10.0, 25.0, 29.0, 100.0]),
    asked_levels,
    st.integers(1, 4),
)
speeds = st.dictionaries(levels, st.sampled_from([0.5, 1.0, 3.0, 8.0, 29.0, 150.0]), min_size=0) | st.just(
    {"fast": 2.0, "balanced": 4.0, "best": 8.0}
)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Draw any situation in which the idle target is no shorter than the busy one."""
    crew = [worker(f"w{number}", seconds=draw(speeds)) for number in range(draw(st.integers(1, 3)))]
    busy = [
        held(f"h{n}", each.name, draw(st.sampled_from([1.0, 20.0])), NOW) for n, each in enumerate(crew[1:])
    ]
    now = Load(crew, [each for each in busy if draw(st.booleans())], Speeds(), NOW)
    target = draw(st.sampled_from([5.0, 30.0]))
    return Situation(
        draw(jobs),
        draw(st.lists(jobs, max_size=25)),
        crew[0],
        now,
        Targets(target, target * draw(st.sampled_from([1.0, 6.0]))),
        draw(levels),
    )


@given(situations())
def test_a_choice_is_always_a_level(situation: Situation) -> None:
    """Whatever is known or not, there is a level; the one that was asked for where one was."""
    choice = choose(*situation)
    assert situation.mine.request is not None
    asked = situation.mine.request.level
    assert choice.level in LEVELS
    assert asked in ("auto", choice.level)
    assert choice.predicted == situation.load.speeds.seconds(
        situation.me, situation.mine.request, choice.level
    )
    assert not (choice.lowered and choice.level == "best")


@given(situations())
def test_nobody_else_waiting(situation: Situation) -> None:
    """With nobody else waiting neither the busy target nor the last level matters, and load lowers nothing."""
    alone = situation._replace(others=[situation.mine])
    other = alone._replace(targets=Targets(1.0, situation.targets.idle), last="fast")
    assert alone.level() == other.level()
    assert not choose(*alone).lowered


@given(situations(), jobs, st.integers(0, 25))
def test_one_more_who_waits_raises_no_level(situation: Situation, more: Job, at: int) -> None:
    """Wherever in the order of turns somebody comes in addition, no job is painted better for it."""
    others = [*situation.others[:at], more, *situation.others[at:]]
    assert situation._replace(others=others).level() <= situation.level()


@given(situations(), st.sampled_from([1.0, 20.0, 100.0]))
def test_one_more_who_is_busy_raises_no_level(situation: Situation, predicted: float) -> None:
    """A worker that has more to do leaves less time to everybody."""
    busy = held("more", situation.load.workers[-1].name, predicted, NOW)
    more = situation.load._replace(held=[*situation.load.held, busy])
    assert situation._replace(load=more).level() <= situation.level()


@given(situations(), st.sampled_from([1.0, 10.0, 40.0]))
def test_having_waited_longer_raises_no_level(situation: Situation, seconds: float) -> None:
    """The later a job itself is, the faster it is painted."""
    late = job(
        situation.mine.id,
        asked=situation.mine.request,
        requested=situation.mine.requested - int(seconds * 1000),
    )
    assert situation._replace(mine=late).level() <= situation.level()


def test_others_who_become_late_may_raise_a_level() -> None:
    """Not monotone in time, by design: who can not be helped any more binds nobody, and the rest gains by it."""
    mine, crowd = waiting("a"), [waiting(f"b{n}", waited=10.0) for n in range(10)]
    assert chosen(mine, *crowd).level == "fast"
    assert chosen(mine, *(waiting(f"b{n}", waited=29.0) for n in range(10))).level == "best"
