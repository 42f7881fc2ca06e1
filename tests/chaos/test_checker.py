"""The checker of histories: content with what is right, and three planted violations are told in words."""

from collections.abc import Sequence

from prompt2pic.core.events import (
    Claimed,
    Delivered,
    Expired,
    Finished,
    JobEvent,
    Picture,
    Released,
    Started,
    Token,
)
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.queue import RESULTS
from tests.chaos.checker import violations
from tests.chaos.history import Absence, Belief, Entry, History, beliefs, counted, told
from tests.unit.samples import asked, claimed, finished, request
from tests.unit.samples import told as appended

STEP = 1000  # ms between two records


def claim(worker: str) -> Claimed:
    """Return the claim of a worker's only attempt."""
    return Claimed(
        request="r",
        at=0,
        attempt=f"of-{worker}",
        worker=worker,
        model="stub",
        level="fast",
        lease=15.0,
        predicted=1.0,
    )


def end(token: Token, *, of: str | None = None, notify: bool = False) -> Finished:
    """Return the end by an attempt, with the picture of attempt `of`."""
    key = f"r/{of or token.attempt}/0.png"
    picture = Picture(key=key, seed=1, width=8, height=8, painted_width=8, painted_height=8)
    return Finished(
        request="r",
        at=0,
        token=token,
        pictures=(picture,),
        worker="w",
        model="stub",
        level="fast",
        steps=1,
        seconds=1.0,
        notify=notify,
    )


def expiry(token: Token) -> Expired:
    """Return the record that takes the job from an attempt."""
    return Expired(request="r", at=0, token=token, last=token.offset, final=False)


def belief(worker: str, since: float, until: float | None, token: int = 0) -> Belief:
    """Return a worker's belief to hold the job with its only attempt."""
    return Belief(worker, "r", f"of-{worker}", token, since, until)


def history(
    events: Sequence[JobEvent],
    held: Sequence[Belief] = (),
    absences: Sequence[Absence] = (),
    accepted: Sequence[str] = (),
) -> History:
    """Return a history whose records came one each second."""
    entries = [Entry(0, offset, STEP * offset, event) for offset, event in enumerate(events)]
    return History(frozenset(accepted), entries, list(held), list(absences), 100.0 * STEP)


def words(found: History) -> str:
    """Return what is wrong with a history, which must be one thing."""
    (sentence,) = violations(found)
    return sentence


ANN, BOB = Token(0, "of-ann"), Token(2, "of-bob")


def test_what_is_right_is_found_right() -> None:
    """A worker that is killed, another that takes over and finishes, and the delivery: nothing to say."""
    events = [claim("ann"), expiry(ANN), claim("bob"), end(BOB, notify=True), Delivered(request="r", at=0)]
    held = [belief("ann", 5, None), belief("bob", 2003, 3001, token=2)]
    assert violations(history(events, held, [Absence("ann", 10, 9000, killed=True)], ["r"])) == []


def test_two_holders_at_once() -> None:
    """Planted: a claim counts while another attempt holds the job."""
    events = [claim("ann"), claim("bob"), end(Token(1, "of-bob"))]
    held = [belief("ann", 5, 900), belief("bob", 1003, 2001, token=1)]
    assert words(history(events, held)) == (
        "r was held by ann with attempt of-ann when the claim of bob with attempt of-bob counted, too, at 0/1"
    )


def test_a_belief_without_a_claim_that_counted() -> None:
    """Planted: a worker paints although its claim was second."""
    held = [belief("ann", 5, 1001), belief("bob", 7, 900, token=1)]
    assert words(history([claim("ann"), end(ANN)], held)) == (
        "bob believed to hold r with attempt of-bob, whose claim did not count"
    )


def test_an_end_by_a_strangers_attempt() -> None:
    """Planted: an attempt that had lost the job ends it."""
    events = [claim("ann"), expiry(ANN), claim("bob"), end(ANN)]
    held = [belief("ann", 5, 1100), belief("bob", 2003, 3001, token=2)]
    assert words(history(events, held)) == (
        "finished of r at 0/3 is of attempt of-ann, but attempt of-bob held the job"
    )


def test_a_belief_before_its_claim() -> None:
    """To hold a job is to have read the claim back."""
    assert words(history([claim("ann"), end(ANN)], [belief("ann", -3, 1001)])) == (
        "ann believed to hold r with attempt of-ann 3 ms before its claim was in the log"
    )


def test_a_belief_by_a_wrong_token() -> None:
    """The token is the offset of the claim."""
    held = [belief("ann", 5, 1001, token=7)]
    assert "by the token 7, but its claim is at 0/0" in words(history([claim("ann"), end(ANN)], held))


def test_who_clings_to_what_it_lost() -> None:
    """A worker that is there lets go soon; one that slept, was killed or cut off has that time more."""
    events = [claim("ann"), expiry(ANN), claim("bob"), end(BOB)]
    other = belief("bob", 2003, 3001, token=2)
    late = history(events, [belief("ann", 5, 12_000), other])
    assert words(late) == (
        "ann went on to believe for 11.0 s that it held r with attempt of-ann, which it had lost"
    )
    for absence in (
        Absence("ann", 500, 6_000),
        Absence("", 900, 7_000),
        Absence("ann", 700, 800, killed=True),
    ):
        until = None if absence.killed else 12_000.0
        assert violations(history(events, [belief("ann", 5, until), other], [absence])) == []
    assert words(history(events, [belief("ann", 5, 12_000), other], [Absence("bob", 0, 20_000)]))
    assert words(history(events, [belief("ann", 5, None), other]))


def test_absences_count_once() -> None:
    """Times that overlap are no longer than their union."""
    events = [claim("ann"), expiry(ANN), claim("bob"), end(BOB)]
    held = [belief("ann", 5, 14_000), belief("bob", 2003, 3001, token=2)]
    twice = [Absence("ann", 1_000, 4_000), Absence("", 2_000, 4_500)]
    assert "for 9.5 s" in words(history(events, held, twice))


def test_ends() -> None:
    """A job ends once, with its own pictures, is delivered once where it is to be, and never waits for ever."""
    held = [belief("ann", 5, 1001)]
    assert words(history([claim("ann"), end(ANN, of="of-bob")], held)) == (
        "r was finished by attempt of-ann with the picture r/of-bob/0.png"
    )
    assert any(
        "r ended twice" in said for said in violations(history([claim("ann"), end(ANN), end(ANN)], held))
    )
    assert words(history([claim("ann"), end(ANN, notify=True)], held)) == (
        "r was to be delivered 1 times, and was 0 times"
    )
    twice = [claim("ann"), end(ANN), Delivered(request="r", at=0)]
    assert words(history(twice, held)) == "r was to be delivered 0 times, and was 1 times"
    assert words(history([claim("ann")], held, accepted=["r"])) == "r was accepted and did not end"


def test_a_finish_that_nobody_worked_for() -> None:
    """An attempt that no worker spoke of can not have painted."""
    events = [claim("ann"), Started(request="r", at=0, token=ANN), end(ANN)]
    assert words(history(events)) == "nobody believed to hold r with attempt of-ann, which finished it"
    released = [claim("ann"), Released(request="r", at=0, token=ANN, reason="claim-late")]
    assert violations(history(released)) == []


def test_the_ledger_and_the_lines_are_read() -> None:
    """Records that did not count are left out; lines that were cut off, and those of others, too."""
    records = [
        asked(0, request("r")),
        appended(0, claimed("r", 0, attempt="a", worker="ann")),
        appended(1, claimed("r", 0, attempt="b", worker="bob")),
        appended(2, finished(Token(0, "a"))),
        Record(Place(RESULTS, 0), 3, "r", b"nonsense", 0),
    ]
    assert [entry.offset for entry in counted(records)] == [0, 2]
    lines = """hello
{"event": "held", "request": "r", "attempt": "a", "token": 0, "timestamp": "2026-01-01T00:00:00.5Z"}
{"event": "no-longer-held", "request": "r", "attempt": "a", "timestamp": "2026-01-01T00:00:02Z"}
{"event": "no-longer-held", "request": "r", "attempt": "b", "timestamp": "2026-01-01T00:00:02Z"}
{"event": "held", "request": "x", "attempt": "x", "tok"""
    (found,) = beliefs(told(lines), records)
    assert (found.worker, found.request, found.attempt, found.token) == ("ann", "r", "a", 0)
    assert (found.until or 0) - found.since == 1500
