"""When a reader may say that an attempt is dead: never early, and never for having slept itself."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.events import Token
from prompt2pic.core.lease import PROGRESS_PERIOD, Watch, deadline_seconds, hung_after, lease_seconds
from tests.unit.samples import announced, apply, claimed, finished, job, progressed, started

LEASE = 15.0  # seconds
LONGEST_TICK = 2.0  # seconds


class Moment(NamedTuple):
    """A fetch that succeeded, `after` seconds since the last one, and whether it brought a sign of life."""

    after: float
    alive: bool


moments = st.lists(
    st.builds(
        Moment,
        st.sampled_from([0.01, 0.5, 1.0, 2.0, 3.0, 20.0, 3600.0]),
        st.sampled_from([False] * 9 + [True]),
    ),
    max_size=80,
)


@given(moments, st.sampled_from([0.0, 0.5, 5.0]))
def test_no_lease_runs_out_early(script: list[Moment], patience: float) -> None:
    """A lease runs out only after its whole length, in which fetch after fetch brought nothing of the attempt."""
    watch, watched = Watch(), job()
    now, offset, heard, fetches = 1000.0, 0, 1000.0, 0
    apply(watched, 0, 1, claimed(lease=LEASE))
    watch.heard(watched)
    watch.tick(now)
    for moment in script:
        now += moment.after
        if moment.alive:
            offset += 1
            apply(watched, offset, 1, progressed(Token(0, "a")))
            watch.heard(watched)
            watch.tick(now)
            assert not watch.expired(watched)
            heard, fetches = now, 0
            continue
        watch.tick(now)
        fetches += 1
        assert watch.silent(watched) <= min(now - heard, fetches * LONGEST_TICK) + 1e-6
        if watch.expired(watched, patience):
            assert now - heard > LEASE + patience
            assert fetches > (LEASE + patience) / LONGEST_TICK


def test_a_lease_runs_out_when_nothing_is_heard() -> None:
    """With a fetch each second an attempt is dead just after its lease, for the patient a little later."""
    watch, watched = Watch(), job()
    apply(watched, 0, 1, claimed(lease=LEASE))
    watch.heard(watched)
    watch.tick(0.0)
    for second in range(1, 16):
        watch.tick(float(second))
        assert not watch.expired(watched)
    watch.tick(15.5)
    assert watch.expired(watched)
    assert not watch.expired(watched, patience=0.5)
    watch.tick(15.75)
    assert watch.expired(watched, patience=0.5)


def test_a_reader_that_slept_expires_nobody() -> None:
    """Neither the sleep of an hour nor the first fetch after it counts as silence of the worker."""
    watch, watched = Watch(), job()
    apply(watched, 0, 1, claimed(lease=LEASE))
    watch.heard(watched)
    watch.tick(0.0)
    for hour in range(1, 7):
        watch.tick(3600.0 * hour)
        assert watch.silent(watched) == 2.0 * hour
        assert not watch.expired(watched)


def test_only_records_of_the_attempt_renew_its_lease() -> None:
    """A status message, or the request that is read at last, says nothing about the worker."""
    watch, watched = Watch(), job(request=None)
    apply(watched, 0, 1, claimed(lease=LEASE))
    watch.heard(watched)
    watch.tick(0.0)
    for second in range(1, 17):
        watch.tick(float(second))
        apply(watched, second, 1, announced(second))
        watch.heard(watched)
    assert watch.expired(watched)


def test_started_and_progressed_renew_the_lease() -> None:
    """Each sign of the attempt starts the whole lease anew, at the fetch that brought it."""
    watch, watched = Watch(), job()
    apply(watched, 0, 1, claimed(lease=LEASE))
    watch.heard(watched)
    watch.tick(0.0)
    for second in range(1, 60):
        if second % 10 == 0:
            event = started if second == 10 else progressed
            apply(watched, second, 1, event(Token(0, "a")))
            watch.heard(watched)
        watch.tick(float(second))
        assert watch.silent(watched) == second % 10


def test_a_job_that_nobody_holds_has_no_lease() -> None:
    """What ended, or was never watched, is not silent."""
    watch, watched = Watch(), job()
    watch.heard(watched)
    assert watch.watched() == []
    assert not watch.expired(watched)
    apply(watched, 0, 1, claimed())
    watch.heard(watched)
    assert watch.watched() == ["r"]
    apply(watched, 1, 1, finished(Token(0, "a")))
    watch.heard(watched)
    assert watch.watched() == []


def test_an_attempt_that_ended_is_not_watched_on() -> None:
    """However long it was watched before: nobody expires what is over."""
    watch, watched = Watch(), job()
    apply(watched, 0, 1, claimed(lease=1.0))
    watch.heard(watched)
    watch.tick(0.0)
    assert watch.watched() == ["r"]
    apply(watched, 1, 1, finished(Token(0, "a")))
    watch.heard(watched)
    for second in range(1, 5):
        watch.tick(float(second))
    assert watch.watched() == []
    assert not watch.expired(watched)


def test_a_change_that_was_not_heard_of_is_no_silence() -> None:
    """A newer record than the one the watch knows of means that the attempt lives."""
    watch, watched = Watch(), job()
    apply(watched, 0, 1, claimed(lease=0.5))
    watch.heard(watched)
    watch.tick(0.0)
    watch.tick(1.0)
    assert watch.expired(watched)
    apply(watched, 1, 1, progressed(Token(0, "a")))
    assert watch.silent(watched) == 0.0


def test_lengths() -> None:
    """A lease is four times the longest silence, a deadline five times the prediction, and neither is short."""
    assert PROGRESS_PERIOD == 3.0
    assert [lease_seconds(silence) for silence in (0.0, 3.0, 3.75, 30.0)] == [15.0, 15.0, 15.0, 120.0]
    assert [deadline_seconds(predicted) for predicted in (1.0, 120.0, 300.0)] == [600.0, 600.0, 1500.0]


seconds = st.floats(0, 1000)


@given(seconds, st.floats(0.1, 20))
def test_a_painter_that_hangs_is_known_before_its_lease_runs_out(silence: float, largeness: float) -> None:
    """Never before it was silent for three times as long as ever, never before 3 s, always within the lease."""
    lease = lease_seconds(silence)
    patience = hung_after(lease, silence, largeness)
    assert patience >= 3.0
    assert patience >= 3 * silence
    assert patience <= 0.75 * lease


def test_patience() -> None:
    """A fast painter is given 3 s, one of 30 s a step a minute and a half, a larger picture more."""
    assert hung_after(lease_seconds(0.1), 0.1) == 3.0
    assert hung_after(lease_seconds(30.0), 30.0) == 90.0
    assert hung_after(lease_seconds(2.0), 1.0, 1.5) == 6.75
    assert hung_after(lease_seconds(0.1)) == 11.25
