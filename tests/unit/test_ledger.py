"""One partition: requests join their events, and the frontier is a cut that loses nothing."""

import pytest

from prompt2pic.core.errors import NewerLog
from prompt2pic.core.events import Erased, JobEvent, Token, Version
from prompt2pic.core.ledger import REMEMBERED, Frontier, Ledger
from tests.unit.samples import HOUR, cancelled, claimed, delivered, finished, request

LATE = 26 * HOUR  # from one request to another after which the first is forgotten


class Log:
    """Appends to one partition and has a ledger read it at once; times are ms."""

    def __init__(self, start: Frontier = Frontier()) -> None:  # noqa: B008 - immutable
        self.ledger = Ledger(0, start)
        self.requests, self.results, _ = start

    def ask(self, name: str, at: int = 0, person: str = "ann") -> bool:
        """Append a request and return whether it was new."""
        new = self.ledger.apply_request(self.requests, at, request(name, person=person))
        self.requests += 1
        return new is not None

    def ask_unreadable(self, at: int = 0) -> None:
        """Append what this program can not read as a request."""
        self.ledger.apply_request(self.requests, at, None)
        self.requests += 1

    def tell(self, event: JobEvent | Erased | Version | None) -> bool:
        """Append an event and return whether it counted."""
        counted = self.ledger.apply_event(self.results, 1, event)
        self.results += 1
        return counted is not None

    def ask_and_cancel(self, *names: str, at: int = 0) -> None:
        """Append requests that are over at once."""
        for name in names:
            self.ask(name, at)
            self.tell(cancelled(name, self.requests - 1))

    def advance(self, now: int = 100 * LATE) -> Frontier:
        """Move the frontier."""
        return self.ledger.advance(now)


def test_a_request_joins_the_events_that_came_before_it() -> None:
    """A record is kept even while its request is unread; then the job has both."""
    log = Log()
    assert log.tell(claimed("r", 0))
    assert log.ledger.jobs["r"].request is None
    assert log.ask("r", 5)
    job = log.ledger.jobs["r"]
    assert (job.state, job.at, job.requested, job.first) == ("held", 0, 5, 0)


def test_the_first_record_of_an_id_wins() -> None:
    """A repeat changes nothing, whether the job is open or over."""
    log = Log()
    assert log.ask("r", person="ann")
    assert not log.ask("r", person="bob")
    log.tell(cancelled("r", 0))
    assert not log.ask("r", person="bob")
    assert log.ledger.repeats == 2
    assert log.ledger.known("r")
    assert not log.ledger.known("s")


def test_a_job_that_is_over_is_kept_until_its_request_is_read() -> None:
    """What ended before its request was read is not new when that is read."""
    log = Log()
    log.tell(cancelled("r", 0))
    assert log.ledger.known("r")
    job = log.ledger.apply_request(0, 5, request("r"))
    assert job is not None
    assert job.state == "cancelled"
    assert not log.ledger.jobs
    assert log.ledger.known("r")


def test_what_was_read_before_changes_nothing() -> None:
    """Each offset is folded once."""
    ledger = Ledger(0)
    assert ledger.apply_request(0, 1, request("r"))
    assert not ledger.apply_request(0, 1, request("s"))
    assert ledger.apply_event(0, 1, claimed("r", 0))
    assert not ledger.apply_event(0, 1, cancelled("r", 0))
    assert ledger.jobs["r"].state == "held"


def test_what_can_not_be_read_is_passed_over() -> None:
    """An unknown record changes nothing but the position."""
    log = Log()
    assert not log.tell(None)
    log.ask_unreadable()
    assert (log.ledger.next_request, log.ledger.next_result) == (1, 1)


def test_a_newer_log_is_not_read_on() -> None:
    """At a version that this program does not know it stops, says so, and goes no further however often asked."""
    ledger = Ledger(0)
    assert not ledger.apply_event(0, 1, Version(needs=1))
    for offset, event in [(1, Version(needs=2)), (1, Version(needs=2)), (2, claimed("r", 0)), (3, None)]:
        with pytest.raises(NewerLog) as caught:
            ledger.apply_event(offset, 1, event)
        assert caught.value.args_by_name == {"needs": 2, "supported": 1}
    assert ledger.next_result == 1
    assert not ledger.jobs


def test_erasing_hides_what_was_asked_for_before() -> None:
    """Everything of that person before the given offset is hidden, nothing else; the latest word counts."""
    log = Log()
    for name, person in [("a0", "ann"), ("b1", "bob"), ("a2", "ann"), ("a3", "ann")]:
        log.ask(name, person=person)
    log.tell(Erased(person="ann", upto=3))
    log.tell(Erased(person="ann", upto=1))
    log.tell(cancelled("unread", 9))
    assert [log.ledger.hides(job) for job in log.ledger.jobs.values()] == [True, False, True, False, False]


def test_erasing_one_request_hides_no_other() -> None:
    """Also where it was read after the record; once it is before the frontier nothing is left of it."""
    log = Log()
    log.ask("a0")
    log.tell(Erased(person="ann", upto=2, request="a1"))
    log.ask("a1")
    assert [log.ledger.hides(job) for job in log.ledger.jobs.values()] == [False, True]
    log.tell(cancelled("a0", 0))
    log.tell(cancelled("a1", 1))
    log.ask("late", at=LATE)
    assert log.advance() == Frontier(2, 3)
    assert log.ledger.erased_requests == {}


def test_the_frontier_stays_a_day_behind() -> None:
    """Ids that ended are remembered for an hour longer than a request may be late."""
    log = Log()
    log.ask_and_cancel("a", at=0)
    log.ask_and_cancel("b", at=REMEMBERED)
    assert log.advance() == Frontier(0, 0)
    log.ask_and_cancel("c", at=REMEMBERED + 1)
    assert log.advance(now=REMEMBERED) == Frontier(0, 0)
    assert log.ledger.known("a")
    assert log.advance() == Frontier(1, 1)
    assert not log.ledger.known("a")
    assert log.ledger.known("b")


def test_an_open_job_holds_the_frontier() -> None:
    """No time is long enough to forget a job that is not over, nor what came after it."""
    log = Log()
    log.ask_and_cancel("a")
    log.ask("open")
    log.ask_and_cancel("b")
    log.ask("late", at=LATE)
    assert log.advance() == Frontier(1, 1)
    log.tell(cancelled("open", 1, notify=True))
    assert log.advance() == Frontier(1, 1)
    log.tell(delivered("open", 1))
    assert log.advance() == Frontier(3, 4)


def test_a_reader_that_lags_remembers() -> None:
    """While it has not read on, no time of day makes a reader forget: a repeat may stand behind."""
    log = Log()
    log.ask_and_cancel("a", at=0)
    assert log.advance() == Frontier(0, 0)
    assert not log.ask("a", at=HOUR)
    assert log.advance() == Frontier(0, 0)
    log.ask("late", at=LATE)
    assert log.advance() == Frontier(2, 1)


def test_a_repeat_holds_the_frontier_before_its_first() -> None:
    """The frontier never falls between a request and its repeat, which would look new from there."""
    log = Log()
    log.ask_and_cancel("a", "b")
    assert not log.ask("a")
    log.ask_and_cancel("c")
    log.ask("open")
    log.ask("late", at=LATE)
    assert log.advance() == Frontier(4, 3)
    log = Log()
    log.ask_and_cancel("a", "b")
    log.ask("open")
    assert not log.ask("a")
    log.ask("late", at=LATE)
    assert log.advance() == Frontier(0, 0)


def test_no_event_of_an_open_job_lies_before_the_frontier() -> None:
    """The cut in `results` is at the first event of any job at or after the cut in `requests`."""
    log = Log()
    log.ask("a")
    log.ask("b")
    log.tell(claimed("b", 1))  # 0
    log.tell(claimed("a", 0))  # 1
    log.tell(finished(Token(1, "a"), "a", 0))  # 2
    log.ask("late", at=LATE)
    assert log.advance() == Frontier(1, 0)
    log.tell(finished(Token(0, "a"), "b", 1))
    assert log.advance() == Frontier(2, 4)


def test_events_of_unread_requests_hold_the_frontier() -> None:
    """A reader that is behind in `requests` leaves to others what it has seen of them."""
    log = Log()
    log.ask_and_cancel("a")
    log.tell(claimed("unread", 2))
    log.ask("late", at=LATE)
    log.tell(claimed("late", 1))
    assert log.advance() == Frontier(1, 1)


def test_erasing_holds_the_frontier() -> None:
    """A reader that starts at the frontier knows what is hidden among the requests it reads."""
    log = Log()
    log.ask_and_cancel("a")
    log.ask("b", at=LATE)
    log.tell(Erased(person="ann", upto=2))
    log.tell(cancelled("c", 5))
    assert log.advance() == Frontier(1, 1)


def test_erasing_before_the_frontier_is_forgotten() -> None:
    """A person who was erased leaves nothing behind once all of it is before the frontier."""
    log = Log()
    log.ask_and_cancel("a")
    log.tell(Erased(person="ann", upto=1))
    log.tell(Erased(person="bob", upto=2))
    log.ask("b", at=LATE)
    assert log.advance() == Frontier(1, 2)
    assert log.ledger.erased == {"bob": 2}


def test_events_before_the_frontier_are_ignored() -> None:
    """What belongs to a job before the frontier is over, whatever the record says."""
    log = Log(Frontier(5, 9))
    assert not log.tell(claimed("old", 4))
    assert log.tell(claimed("new", 5))
    assert list(log.ledger.jobs) == ["new"]
    assert log.results == 11


def test_a_request_that_can_not_be_read_is_passed_by_age() -> None:
    """A newer program may have written it: the frontier leaves it to others for as long as it may be open."""
    log = Log()
    log.ask_unreadable(at=0)
    log.tell(claimed("newer", 0))
    log.ask("a", at=REMEMBERED)
    assert log.advance() == Frontier(0, 0)
    log.ask("b", at=REMEMBERED + 1)
    assert "newer" in log.ledger.jobs
    assert log.advance() == Frontier(1, 1)
    assert list(log.ledger.jobs) == ["a", "b"]


def test_memory_follows_the_open_jobs() -> None:
    """After the frontier has moved, nothing is left of what lies before it."""
    log = Log()
    log.ask_and_cancel(*(f"r{n}" for n in range(50)))
    log.ask("r7")
    log.ask_and_cancel("last", at=LATE)
    log.ask_and_cancel("later", at=2 * LATE + 1)
    assert log.advance() == Frontier(52, 51)
    kept = [
        value
        for value in vars(log.ledger).values()
        if hasattr(value, "__len__") and value is not log.ledger.frontier
    ]
    assert all(len(value) <= 1 for value in kept)
