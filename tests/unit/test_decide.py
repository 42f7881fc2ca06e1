"""What is written in answer to what the queue shows."""

import pytest

from prompt2pic.core import decide
from prompt2pic.core.events import Erased, Token
from prompt2pic.core.jobs import Job
from tests.unit.samples import HOUR, apply, claimed, failed, held, job, picture, request

TOLD = request(notify=True)


def test_a_failure_is_final_after_the_last_attempt() -> None:
    """The writer decides the end, and with it that the person is to be told."""
    for attempts, final in [(0, False), (1, False), (2, True), (5, True)]:
        event = decide.failure(held(attempts=attempts, request=TOLD), "painter-crashed", 3)
        assert (event.final, event.notify, event.token) == (final, final, Token(0, "a"))
    assert not decide.failure(held(attempts=2), "painter-crashed", 3).notify


def test_a_refusal_is_final_at_once() -> None:
    """What no other attempt could mend is given up, whether anybody holds the job or not."""
    assert decide.refusal(job(request=TOLD), "waited-too-long") == failed(
        None, reason="waited-too-long", final=True, notify=True
    )
    assert decide.refusal(held(), "level-unknown").token == Token(0, "a")


def test_who_is_not_known_is_not_told() -> None:
    """A record about a job whose request was not read yet promises nobody an answer."""
    unread, taken = job(request=None), held(request=None)
    assert not decide.refusal(unread, "waited-too-long").notify
    assert not decide.cancellation(unread, "operator").notify
    assert not decide.failure(taken, "painter-crashed", 1).notify
    assert not decide.completion(taken, (picture(),), 16, 1.0).notify


def test_an_expiry_after_the_start_costs_an_attempt() -> None:
    """It is final where that was the last one."""
    early = decide.expiry(held(started=5, attempts=1, request=TOLD), 3)
    assert (early.final, early.notify) == (False, False)
    last = decide.expiry(held(started=5, attempts=2, last=7, request=TOLD), 3)
    assert (last.final, last.notify, last.last) == (True, True, 7)
    untold = decide.expiry(held(started=5, attempts=2), 3)
    assert (untold.final, untold.notify) == (True, False)


def test_an_expiry_before_the_start_is_bounded_on_its_own() -> None:
    """Attempts that never began cost none, but only so many of them."""
    for stalls, final in [(0, False), (3, False), (4, True)]:
        assert decide.expiry(held(stalls=stalls, attempts=2), 3).final == final


def test_nobody_ends_a_job_without_its_request() -> None:
    """A reader that has not read whom to tell leaves the end to another one."""
    event = decide.expiry(held(started=5, attempts=2, request=None), 3)
    assert (event.final, event.notify) == (False, False)


def test_what_became_of_a_claim() -> None:
    """Won is won, however it was learnt; a record that was read back and did not win has lost."""
    mine, theirs = held(), held(token=Token(0, "b"))
    assert decide.claim_outcome(mine, "a", read_back=False, given_up=True) == "won"
    assert decide.claim_outcome(theirs, "a", read_back=True, given_up=False) == "lost"
    assert decide.claim_outcome(job(), "a", read_back=False, given_up=False) == "open"
    assert decide.claim_outcome(job(), "a", read_back=False, given_up=True) == "unknown"


def test_a_claim_that_comes_late_is_given_back() -> None:
    """Only where it is the one that holds the job."""
    assert decide.late_claim(held(), {"a", "x"}) == decide.release(held(), "claim-late")
    assert decide.late_claim(held(), {"x"}) is None
    assert decide.late_claim(job(), {"a"}) is None


def test_only_ones_own_attempt_breaks_down() -> None:
    """A worker whose painter dies before its claim was read back ends nobody else's attempt."""
    own = decide.breakdown(held(), "a", "painter-crashed", 3)
    assert own == decide.failure(held(), "painter-crashed", 3)
    assert decide.breakdown(held(), "b", "painter-crashed", 3) is None
    assert decide.breakdown(job(), "a", "painter-crashed", 1) is None


def test_a_crashed_job_rests_ever_longer() -> None:
    """1 s, 2 s, 4 s, ... up to a minute after the last crash; none at all before the first."""
    assert decide.not_before(job(setback=1000)) == 0
    pauses = [
        decide.not_before(job(setback=1000, attempts=n // 2, stalls=n - n // 2)) - 1000 for n in range(1, 8)
    ]
    assert pauses == [1000, 2000, 4000, 8000, 16000, 32000, 60000]


def test_a_crash_that_is_yet_to_come_delays_nobody() -> None:
    """Clocks may differ by as much as a pause is long; beyond that one of them was wrong."""
    for ahead, delayed in [(0, True), (60_000, True), (60_001, False)]:
        assert decide.delayed(job(attempts=1, setback=HOUR + ahead), HOUR) == delayed


def test_a_request_may_wait_for_a_day() -> None:
    """After 24 hours it is too old; one that was not read yet has no age."""
    assert not decide.too_old(job(requested=HOUR), 25 * HOUR)
    assert decide.too_old(job(requested=HOUR), 25 * HOUR + 1)
    assert not decide.too_old(job(requested=0, request=None), 100 * HOUR)


def test_what_a_worker_says_of_its_job() -> None:
    """Release, end and cancel carry what the claim and the request say."""
    mine = held(request=TOLD)
    assert decide.release(mine, "worker-stopping").token == Token(0, "a")
    done = decide.completion(mine, (picture(),), 16, 7.12345)
    assert (done.worker, done.model, done.level, done.lowered) == ("w1", "wuerstchen", "best", False)
    assert (done.steps, done.seconds, done.notify, done.pictures) == (16, 7.123, True, (picture(),))
    hurried = held(claim=claimed(level="fast", lowered=True))
    assert decide.completion(hurried, (picture(),), 4, 2.0).lowered
    assert decide.cancellation(mine, "person").notify
    assert not decide.cancellation(held(), "operator").notify


@pytest.mark.parametrize("final", [False, True])
def test_what_is_decided_counts(final: bool) -> None:
    """Each record that is decided on counts where nothing else came between."""
    taken = [held(attempts=2 * final, started=5) for _ in range(5)]
    events = [
        decide.failure(taken[0], "painter-crashed", 3),
        decide.expiry(taken[1], 3),
        decide.release(taken[2], "worker-stopping"),
        decide.cancellation(taken[3], "person"),
        decide.completion(taken[4], (), 1, 1.0),
    ]
    assert all(apply(mine, 9, 9, event) for mine, event in zip(taken, events, strict=True))
    states = ["failed", "failed"] if final else ["waiting", "waiting"]
    assert [mine.state for mine in taken] == [*states, "waiting", "cancelled", "finished"]
    waiting = Job("r", 0, 0, request("r"))
    assert apply(waiting, 9, 9, decide.refusal(waiting, "waited-too-long"))


def test_an_erasure_names_one_request_and_its_person() -> None:
    """It reaches just beyond the request, so that the frontier waits for it."""
    assert decide.erasure(job(at=4)) == Erased(person="ann", upto=5, request="r")
