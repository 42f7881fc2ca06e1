"""Edges of the frontier that only a mutant steps over."""

from prompt2pic.core.events import Erased, Token
from prompt2pic.core.ledger import REMEMBERED
from tests.unit.samples import HOUR, cancelled, claimed, released
from tests.unit.test_ledger import Log

ASKED = 7 * HOUR  # ms


def log_with_an_old_and_a_new_request() -> Log:
    """Return a log with a request that is over, and another one 100 hours later."""
    log = Log()
    log.ask("old", ASKED)
    log.tell(cancelled("old", 0))
    log.ask("new", ASKED + 100 * HOUR)
    return log


def test_an_id_is_remembered_for_25_hours_to_the_millisecond() -> None:
    """A request that is over is known for 25 hours, and forgotten after them."""
    log = log_with_an_old_and_a_new_request()
    assert REMEMBERED == 25 * HOUR
    log.advance(ASKED + 25 * HOUR)
    assert log.ledger.known("old")
    log = log_with_an_old_and_a_new_request()
    log.advance(ASKED + 25 * HOUR + 1)
    assert not log.ledger.known("old")


def test_what_was_erased_stays_so_until_the_frontier_has_passed_it() -> None:
    """An erased request, and an erased person, are remembered while a reader may still meet what they asked for."""
    log = log_with_an_old_and_a_new_request()
    log.tell(Erased(person="ann", upto=2, request="new"))
    log.tell(Erased(person="bob", upto=2))
    log.tell(Erased(person="eva", upto=1))
    assert log.advance().requests == 1
    assert log.ledger.erased_requests == {"new": 2}
    assert log.ledger.erased == {"bob": 2}
    log.tell(cancelled("new", 1))
    log.ask("newest", ASKED + 200 * HOUR)
    assert log.advance().requests == 2
    assert (log.ledger.erased_requests, log.ledger.erased) == ({}, {})


def test_a_gap_is_stepped_over() -> None:
    """Records behind a gap, as retention leaves one under a reader, count like any others."""
    log = Log()
    log.ask("old")
    log.requests, log.results = 7, 9
    assert log.ask("new")
    assert log.tell(cancelled("new", 7))
    assert (log.ledger.next_request, log.ledger.next_result) == (8, 10)


def test_the_first_event_stays_the_first() -> None:
    """A job's first event is the first one, also where that is the very first of the log."""
    log = Log()
    log.ask("r")
    log.tell(claimed("r", 0))
    log.tell(released(Token(0, "a"), "r", 0))
    assert (log.ledger.jobs["r"].first, log.ledger.jobs["r"].state) == (0, "waiting")
