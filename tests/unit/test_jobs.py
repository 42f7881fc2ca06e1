"""What each record does to a job, one rule of the ledger after the other."""

import copy
from collections.abc import Iterable

import pytest

from prompt2pic.core.events import JobEvent, Token
from prompt2pic.core.jobs import Job
from tests.unit.samples import (
    announced,
    apply,
    cancelled,
    claimed,
    delivered,
    expired,
    failed,
    finished,
    progressed,
    released,
    request,
    started,
)

T = Token(0, "a")  # of the first claim, where that is the first record
STALE, WRONG = Token(0, "b"), Token(9, "a")
ENDS = [
    (claimed(), finished(T)),
    (claimed(), failed(T, final=True)),
    (claimed(), expired(T, 0, final=True)),
    (failed(None, final=True),),
    (claimed(), cancelled()),
    (cancelled(),),
]


def folded(events: Iterable[JobEvent]) -> Job:
    """Return a job after records at the offsets 0, 1, ..., each 10 ms after the one before."""
    job = Job("r", 0, 0, request("r"), 1)
    for offset, event in enumerate(events):
        apply(job, offset, 10 * (offset + 1), event)
    return job


def counts(job: Job, event: JobEvent, offset: int = 50) -> bool:
    """Tell whether an event counts, and prove that one which does not changes nothing."""
    before = copy.copy(job)
    counted = apply(job, offset, 999, event)
    assert counted or job == before
    return counted


def test_a_job_begins_with_nothing() -> None:
    """Before its request is read and anything has happened it waits, and no time is known."""
    job = Job("r", 0, 0)
    assert (job.state, job.first, job.last, job.over) == ("waiting", -1, -1, False)
    times = (job.requested, job.heard, job.claimed, job.started, job.setback, job.ended)
    assert {*times, job.attempts, job.stalls} == {0}


def test_the_first_claim_wins() -> None:
    """A claim counts only while the job waits; its token is its offset and attempt."""
    job = folded([claimed(attempt="a"), claimed(attempt="b", worker="w2")])
    assert (job.state, job.token, job.claimed, job.last) == ("held", Token(0, "a"), 10, 0)
    assert job.claim is not None
    assert job.claim.worker == "w1"


@pytest.mark.parametrize("token", [STALE, WRONG])
@pytest.mark.parametrize(
    "event", [started, progressed, released, finished, failed, lambda t: failed(t, final=True)]
)
def test_only_the_current_token_counts(token: Token, event: type[JobEvent]) -> None:
    """A worker that lost its job cannot harm the one that has it, with offset or attempt wrong."""
    assert not counts(folded([claimed()]), event(token))


@pytest.mark.parametrize("event", [started, progressed, released, finished, failed])
def test_no_token_counts_while_a_job_waits(event: type[JobEvent]) -> None:
    """What was released, failed or expired is nobody's until the next claim."""
    for back in (released(T), failed(T), expired(T, 0)):
        assert not counts(folded([claimed(), back]), event(T))


@pytest.mark.parametrize("events", ENDS)
def test_an_end_is_an_end(events: tuple[JobEvent, ...]) -> None:
    """Nothing changes a job that has ended: the first end in the log is what happened."""
    job = folded(events)
    again = [claimed(), started(T), progressed(T), released(T), finished(T), cancelled(notify=True)]
    again += [failed(T), failed(T, final=True), failed(None, final=True), expired(T, job.last, final=True)]
    assert job.over
    assert not any(counts(job, event) for event in [*again, announced(5), delivered()])


def test_started_and_progressed_renew_the_attempt() -> None:
    """Each record of the attempt is its newest one; progress tells that painting has begun."""
    job = folded([claimed(), started(T), progressed(T)])
    assert (job.started, job.last, job.heard) == (20, 2, 30)
    assert job.progress is not None
    job = folded([claimed(), progressed(T)])
    assert (job.started, job.last) == (20, 1)


@pytest.mark.parametrize(
    "event",
    [
        started(T),
        progressed(T),
        released(T),
        failed(T),
        failed(T, final=True),
        expired(T, 0),
        expired(T, 0, final=True),
        cancelled(),
        finished(T),
        announced(4),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_counts_says_so(event: JobEvent) -> None:
    """Each record of an attempt that holds the job counts, and whoever listens is told of it."""
    assert counts(folded([claimed()]), event)


def test_released_costs_no_attempt() -> None:
    """A job that was given back waits again as if nothing had been, and anybody may take it at once."""
    job = folded([claimed(), started(T), progressed(T), released(T)])
    assert (job.state, job.token, job.progress, job.attempts, job.stalls) == ("waiting", None, None, 0, 0)
    assert (job.avoid, job.setback, job.last) == ("", 0, -1)


def test_a_failed_attempt_is_counted() -> None:
    """A failure costs an attempt and names the worker to avoid; a final one ends the job."""
    job = folded([claimed(worker="w7"), started(T), failed(T)])
    assert (job.state, job.attempts, job.stalls, job.avoid, job.setback) == ("waiting", 1, 0, "w7", 30)
    job = folded([claimed(), failed(T, final=True)])
    assert (job.state, job.ended, job.token) == ("failed", 20, None)


def test_giving_up_needs_a_job_that_waits() -> None:
    """A failure without a token counts only while nobody holds the job, and only as a final one."""
    assert not counts(folded([claimed()]), failed(None, final=True))
    assert not counts(folded([]), failed(None, final=False))
    assert counts(folded([]), failed(None, final=True))
    assert counts(folded([claimed(), released(T)]), failed(None, final=True))


def test_expiry_needs_the_newest_record() -> None:
    """An expiry written before a sign of life was read does not count; one that saw it does."""
    assert not counts(folded([claimed(), progressed(T)]), expired(T, 0))
    assert not counts(folded([claimed(), progressed(T)]), expired(T, 2))
    assert not counts(folded([claimed(), progressed(T)]), expired(STALE, 1))
    assert counts(folded([claimed(), progressed(T)]), expired(T, 1))


def test_an_expiry_before_the_start_is_a_stall() -> None:
    """Only an attempt that had begun to paint is counted as one."""
    job = folded([claimed(), expired(T, 0)])
    assert (job.state, job.attempts, job.stalls, job.avoid) == ("waiting", 0, 1, "w1")
    job = folded([claimed(), started(T), expired(T, 1)])
    assert (job.state, job.attempts, job.stalls, job.avoid) == ("waiting", 1, 0, "w1")


def test_a_later_attempt_starts_afresh() -> None:
    """What an attempt did before it was lost says nothing about the next one."""
    job = folded([claimed(), started(T), progressed(T), expired(T, 2), claimed(attempt="b", worker="w2")])
    assert (job.token, job.started, job.progress, job.last, job.claimed) == (Token(4, "b"), 0, None, 4, 50)
    assert not counts(job, expired(Token(4, "b"), 2))


def test_a_claim_read_twice_is_another_attempt() -> None:
    """A record that the log holds twice gives another token, so that the first attempt's can not come back."""
    job = folded([claimed(), released(T), claimed()])
    assert job.token == Token(2, "a")
    assert not counts(job, finished(T))


def test_cancel_and_finish_race() -> None:
    """Whichever is first in the log is what happened."""
    assert folded([claimed(), cancelled(), finished(T)]).state == "cancelled"
    assert folded([claimed(), finished(T), cancelled()]).state == "finished"


@pytest.mark.parametrize("end", [finished(T, notify=True), cancelled(notify=True)])
def test_a_job_with_notify_is_over_when_delivered(end: JobEvent) -> None:
    """Who is to be told of the end is waited for; the status message may still change, the first word counts."""
    job = folded([claimed(), announced(4), end])
    assert job.end is not None
    assert not job.over
    assert counts(job, announced(5))
    assert job.message == 5
    assert counts(job, delivered(messages=(6,)))
    assert job.over
    assert not counts(job, delivered(gone=True))
    assert not counts(job, announced(7))


def test_nothing_is_delivered_before_the_end() -> None:
    """A delivery of a job that is still open does not count."""
    assert not counts(folded([claimed()]), delivered())


def test_announcing_is_no_sign_of_life() -> None:
    """A status message is state, but not a record of the attempt."""
    job = folded([claimed(), announced(4)])
    assert (job.message, job.last, job.heard) == (4, 0, 10)
