"""How long jobs take and when they will be done: only what was measured is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.events import Picture, Token
from prompt2pic.core.forecast import MOST_LOOKED_AT, UNPREDICTED, Load, Wait, finishes, waits
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.ports import Record
from prompt2pic.core.queue import Queue
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import SILENT_AFTER, Crew, WorkerState, encode_worker
from tests.unit.samples import (
    HOUR,
    MODEL,
    Place,
    asked,
    claimed,
    delivered,
    finished,
    held,
    job,
    picture,
    progressed,
    request,
    told,
    worker,
)

NOW = 1_000_000  # ms


def load(*workers: WorkerState, held_jobs: tuple[object, ...] = (), speeds: Speeds | None = None) -> Load:
    """Return what these workers have to do."""
    return Load(list(workers), list(held_jobs), speeds or Speeds(), NOW)  # type: ignore[arg-type]


def learnt(
    *seconds: float, by: str = "w1", level: str = "fast", pictures: int = 1, side: int = 512
) -> Speeds:
    """Return speeds after so many jobs."""
    speeds = Speeds()
    for each in seconds:
        made = tuple(picture(side=side) for _ in range(pictures))
        event = finished(Token(0, "a"), worker=by, level=level, seconds=each, pictures=made)
        speeds.learn(job(), event)
    return speeds


def test_nothing_is_predicted_before_a_measurement() -> None:
    """A level that was neither calibrated nor painted has no time."""
    assert Speeds().seconds(worker(seconds={}), request(), "fast") is None
    assert load(worker(seconds={})).seconds(request(), "fast") is None
    assert load(worker(seconds={})).turn(job()) == UNPREDICTED
    assert load(worker()).turn(job(request=None)) == UNPREDICTED
    assert load(worker()).turn(job()) == 2.0


def test_calibration_is_scaled_by_area_and_count() -> None:
    """Before anything was painted a worker's own trial counts, by pixels of the size that it paints."""
    assert Speeds().seconds(worker(), request(), "best") == 8.0
    assert Speeds().seconds(worker(), request(count=3), "best") == 24.0
    assert Speeds().seconds(worker(), request(width=1536, height=1024), "best") == 12.0


def test_measurements_come_before_calibration() -> None:
    """A high quantile of the last ones of the same worker, level and size, for each picture."""
    speeds = learnt(*range(1, 11))
    assert speeds.seconds(worker(), request(), "fast") == 10.0
    assert speeds.seconds(worker(), request(count=2), "fast") == 20.0
    assert speeds.seconds(worker("w2"), request(), "fast") == 2.0
    assert speeds.seconds(worker(), request(), "best") == 8.0
    assert speeds.seconds(worker(), request(width=768, height=512), "fast") == 3.0
    assert learnt(*range(1, 101)).seconds(worker(), request(), "fast") == 96.0
    assert learnt(9.0, pictures=3).seconds(worker(), request(), "fast") == 3.0


def test_the_size_that_was_painted_is_what_is_measured() -> None:
    """A picture that was resized teaches about the size before."""
    speeds = Speeds()
    resized = Picture(key="k", seed=1, width=100, height=100, painted_width=512, painted_height=512)
    speeds.learn(job(), finished(Token(0, "a"), level="fast", seconds=7.0, pictures=(resized,)))
    assert speeds.seconds(worker(), request(width=100, height=100), "fast") == 7.0


def test_a_job_is_learnt_from_once() -> None:
    """When it finishes, whether its request was read by then or not; not when it is delivered or joined."""
    speeds, queue = Speeds(), Queue({0: Frontier()})
    queue.listeners.append(speeds.learn)
    done = finished(Token(0, "a"), level="fast", notify=True)
    for offset, event in enumerate([claimed("r", 0), done, delivered("r", 0)]):
        queue.apply(told(offset, event))
    queue.apply(asked(0, request("r")))
    assert [list(measured) for measured in speeds._measured.values()] == [[8.0]]


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=80))
def test_most_pictures_keep_the_prediction(seconds: list[float]) -> None:
    """At least nine in ten of the last fifty took no longer than predicted."""
    predicted = learnt(*seconds).seconds(worker(), request(), "fast")
    last = seconds[-50:]
    assert predicted in last
    assert sum(each <= predicted for each in last) >= 0.9 * len(last)


def test_free_in() -> None:
    """An idle worker is free at once, a busy one after the rest of its job, one that is late at any moment."""
    mine = held("a", "w1", predicted=8.0, claimed_at=NOW - 5000)
    late = held("b", "w2", predicted=8.0, claimed_at=NOW - 50_000)
    gone = held("c", "w9")
    workers = [worker("w1"), worker("w2"), worker("w3")]
    busy = load(*workers, held_jobs=(mine, late, gone))
    assert busy.free_in() == {"w1": 3.0, "w2": 0.0, "w3": 0.0}
    assert [idle.name for idle in busy.idle()] == ["w3"]


def test_the_rest_is_what_the_worker_says() -> None:
    """Its last word less the time since then; its prediction where it said nothing yet."""
    assert load().left(held(predicted=8.0, claimed_at=NOW - 5000)) == 3.0
    silent = progressed(Token(0, "a"))
    told_left = progressed(Token(0, "a"), left=20.0)
    assert load().left(held(claimed_at=NOW - 5000, progress=silent)) == 3.0
    assert load().left(held(claimed_at=NOW - 5000, heard=NOW - 4000, progress=told_left)) == 16.0
    assert load().left(held(heard=NOW - 40_000, progress=told_left)) == 0.0
    assert load().left(job()) == 0.0


def test_jobs_are_given_to_whoever_is_free_first() -> None:
    """List scheduling, in the order of turns; a job of unknown length holds nobody up."""
    jobs = [job(name) for name in "abcd"]
    cost = dict(zip("abcd", (4.0, 1.0, None, 1.0), strict=True))
    done = finishes(jobs, lambda each: cost[each.id], [2.0, 0.0])
    assert list(done) == [4.0, 3.0, None, 4.0]
    assert list(finishes(jobs, lambda each: 1.0, [])) == [None] * 4


def test_waits() -> None:
    """From `fast` to what `auto` comes to now; who asked for a level waits for that one."""
    explicit = job("c", asked=request("c", level="balanced"))
    jobs = [job("a"), explicit, job("d"), job("x", request=None)]
    told_waits = waits(load(worker("w1")), jobs, "best")
    assert told_waits == {
        "a": Wait(1, 2.0, 8.0),
        "c": Wait(2, 6.0, 12.0),
        "d": Wait(3, 8.0, 20.0),
        "x": Wait(4, None, None),
    }


def test_a_wait_is_told_in_tenths_of_the_mean_of_all_workers() -> None:
    """Who will paint a job is not known yet, nor is a time to the millisecond."""
    both = load(worker("w1"), worker("w2", seconds={"fast": 2.3}), worker("w3", seconds={}))
    assert both.seconds(request(), "fast") == 2.15
    told_wait = waits(both, [job("a")], "fast")["a"]
    assert told_wait.soonest == told_wait.latest
    assert told_wait.latest in (2.1, 2.2)


def test_nobody_is_told_a_time_without_workers_or_measurements() -> None:
    """A place is always known; a time only where there is something to go by."""
    assert waits(load(), [job("a")], "best") == {"a": Wait(1)}
    assert waits(load(worker(seconds={})), [job("a")], "best") == {"a": Wait(1)}


def test_far_back_there_is_a_place_and_no_time() -> None:
    """Predictions end after the first thousand."""
    jobs = [job(str(number)) for number in range(MOST_LOOKED_AT + 2)]
    told_waits = waits(load(worker()), jobs, "fast")
    assert told_waits[str(MOST_LOOKED_AT - 1)].latest == 2.0 * MOST_LOOKED_AT
    assert told_waits[str(MOST_LOOKED_AT)] == Wait(MOST_LOOKED_AT + 1)
    assert told_waits[str(MOST_LOOKED_AT + 1)] == Wait(MOST_LOOKED_AT + 2)


@given(
    st.lists(st.floats(0.1, 50), max_size=20),
    st.lists(st.floats(0, 50), min_size=1, max_size=5),
    st.integers(0, 20),
    st.floats(0.1, 50),
)
def test_another_job_makes_nobody_earlier(
    costs: list[float], free: list[float], at: int, cost: float
) -> None:
    """Wherever a job is put into the order, whoever comes after it is done no earlier than without it."""

    def done(line: list[float]) -> list[float]:
        by_id = {str(number): seconds for number, seconds in enumerate(line)}
        return [
            seconds or 0.0 for seconds in finishes([job(name) for name in by_id], lambda j: by_id[j.id], free)
        ]

    at = min(at, len(costs))
    more = done([*costs[:at], cost, *costs[at:]])
    del more[at]
    assert all(late >= early - 1e-9 for late, early in zip(more, done(costs), strict=True))


def heartbeat(state: WorkerState, timestamp: int) -> Record:
    """Return a record of `workers`."""
    return Record(Place("workers", 0), 0, state.name, encode_worker(state), timestamp)


def test_the_crew_is_who_was_heard_of_lately() -> None:
    """Live is who said `ready` within the last 35 s, by name; the last word of each counts."""
    crew = Crew()
    assert crew.model() is None
    since = int(SILENT_AFTER * 1000)
    for state, timestamp in [
        (worker("w3"), NOW),
        (worker("w2"), NOW - since + 1),
        (worker("w1"), NOW - since),
        (worker("w4"), NOW - 5),
        (worker("w4", state="draining"), NOW),
        (worker("w5"), NOW - 5),
        (worker("w5", state="gone"), NOW),
    ]:
        crew.apply(heartbeat(state, timestamp))
    crew.apply(Record(Place("workers", 0), 0, "w6", b"?", NOW))
    assert [live.name for live in crew.live(NOW)] == ["w2", "w3"]
    assert crew.live(NOW + since) == []


def test_names_of_workers_that_are_no_more_are_forgotten() -> None:
    """Who said `gone`, or was silent for long, takes no memory, however many names there were; who is there stays."""
    crew = Crew()
    for number in range(5000):
        at = NOW + number * 10_000
        crew.apply(heartbeat(worker("stays"), at))
        crew.apply(heartbeat(worker(f"graceful-{number}"), at))
        crew.apply(heartbeat(worker(f"graceful-{number}", state="gone"), at))
        crew.apply(heartbeat(worker(f"killed-{number}"), at))
        assert len(crew._told) < 2000
    live = {one.name for one in crew.live(NOW + 4999 * 10_000)}
    assert live == {"stays", "killed-4996", "killed-4997", "killed-4998", "killed-4999"}


def test_an_empty_record_is_no_tombstone() -> None:
    """It can not be decoded, is counted, and changes nothing."""
    crew = Crew()
    crew.apply(heartbeat(worker("w1"), NOW))
    crew.apply(Record(Place("workers", 0), 1, "w1", b"", NOW))
    assert ([one.name for one in crew.live(NOW)], crew.undecodable) == (["w1"], 1)


def test_what_was_measured_longest_ago_is_forgotten() -> None:
    """Speeds of workers that are no more give way to new ones."""
    speeds = Speeds()
    for name in ["old", *(f"pod-{number}" for number in range(4999)), "pod-0", "new"]:
        speeds.learn(job(), finished(Token(0, "a"), worker=name, level="fast", seconds=7.0))
    assert [speeds.seconds(worker(name), request(), "fast") for name in ("old", "pod-0", "new")] == [
        2.0,
        7.0,
        7.0,
    ]
    assert len(speeds._measured) == 5000


def test_a_worker_of_the_year_to_come_is_not_live() -> None:
    """A record that a wrong clock stamped does not keep a worker alive until then; a little skew does no harm."""
    crew = Crew()
    crew.apply(heartbeat(worker("skewed"), NOW + 5_000))
    crew.apply(heartbeat(worker("jumped"), NOW + 4 * 365 * 24 * HOUR))
    assert [live.name for live in crew.live(NOW)] == ["skewed"]


def test_what_is_yet_to_come_is_not_waited_for() -> None:
    """A claim or a sign of life that a wrong clock stamped years ahead makes nobody wait for years."""
    ahead = NOW + 4 * 365 * 24 * HOUR
    load = Load([worker()], [], Speeds(), NOW)
    assert load.left(held(claimed_at=ahead)) == 8.0
    assert load.left(held(progress=progressed(Token(0, "a"), left=3.0), heard=ahead)) == 3.0


def test_the_model_is_that_of_the_newest_word() -> None:
    """Also of a worker that is gone: what it painted with is still the best guess. Newest is the last in the log."""
    crew = Crew()
    other = MODEL.__class__(name="other", sizes=((64, 64),), levels=())
    crew.apply(heartbeat(worker("w1", model=other), NOW))
    crew.apply(heartbeat(worker("w3", model=other), NOW + 1))
    crew.apply(heartbeat(worker("w2", state="gone"), NOW - 1))
    assert crew.model() == MODEL


@pytest.mark.parametrize("waited", [0.0, 5.0])
def test_a_load_is_of_its_moment(waited: float) -> None:
    """Nothing in a prediction depends on another clock than the one that was given."""
    then = Load([worker()], [held(claimed_at=NOW)], Speeds(), NOW + int(waited * 1000))
    assert then.free_in() == {"w1": 8.0 - waited}
