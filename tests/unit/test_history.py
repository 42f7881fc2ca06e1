"""Everybody's own jobs, newest first, until they are erased."""

from prompt2pic.core.events import Erased, Token
from prompt2pic.core.history import History
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.queue import Queue
from tests.unit.samples import asked, cancelled, claimed, expired, finished, released, request, told


class Told:
    """A history and the queue it listens to; partition 1 has only what a test puts there."""

    def __init__(self) -> None:
        self.queue = Queue({0: Frontier(), 1: Frontier()})
        self.history = History(self.queue)

    def ids(self, person: str = "ann") -> list[str]:
        """Return the ids of a person's jobs."""
        return [job.id for job in self.history.of(person)]


def test_a_person_sees_their_own_jobs_newest_first() -> None:
    """Also those that are over; nobody sees another's."""
    seen = Told()
    for offset, person in enumerate(["ann", "bob", "ann"]):
        seen.queue.apply(asked(offset, request(f"r{offset}", person=person)))
    seen.queue.apply(told(0, cancelled("r0", 0)))
    assert seen.ids() == ["r2", "r0"]
    mine = seen.history.job("r0", "ann")
    assert mine is not None
    assert mine.state == "cancelled"
    assert seen.history.job("r0") is mine
    assert seen.history.job("r1", "ann") is None
    assert seen.history.job("r9") is None
    assert seen.ids("eve") == []


def test_a_job_is_seen_when_its_request_is_read() -> None:
    """Events alone tell nobody whose job it is; a repeat adds nothing."""
    seen = Told()
    seen.queue.apply(told(0, claimed("r", 0)))
    assert seen.history.job("r") is None
    for offset in (0, 1):
        seen.queue.apply(asked(offset, request("r")))
    assert seen.ids() == ["r"]
    assert seen.history.job("r") is seen.queue.job("r")


def test_a_job_is_found_by_the_beginning_of_its_id() -> None:
    """A whole id means that job alone; nothing means nobody."""
    seen = Told()
    for offset, name in enumerate(["ab", "abc", "b"]):
        seen.queue.apply(asked(offset, request(name)))
    assert [job.id for job in seen.history.starting_with("a")] == ["ab", "abc"]
    assert [job.id for job in seen.history.starting_with("ab")] == ["ab"]
    assert seen.history.starting_with("") == seen.history.starting_with("x") == []


def test_what_was_erased_is_seen_no_more() -> None:
    """At once, up to the offset in each partition, whether it was read before or after."""
    seen = Told()
    for offset, (name, person) in enumerate([("a0", "ann"), ("b0", "bob"), ("a1", "ann")]):
        seen.queue.apply(asked(offset, request(name, person=person)))
    seen.queue.apply(asked(0, request("other", person="ann"), partition=1))
    seen.queue.apply(told(0, Erased(person="ann", upto=2)))
    assert seen.ids() == ["other", "a1"]
    assert seen.ids("bob") == ["b0"]
    assert seen.history.job("a0") is None
    assert seen.history.counted("a0", "a") is None
    seen.queue.apply(told(1, Erased(person="bob", upto=9)))
    seen.queue.apply(asked(3, request("b1", person="bob")))
    assert seen.ids("bob") == []
    seen.queue.apply(told(2, Erased(person="nobody", upto=9)))


def test_one_request_is_erased() -> None:
    """It alone is seen no more, and everybody who keeps pictures is told that it is erased."""
    seen = Told()
    for offset, name in enumerate(["a0", "a1", "a2"]):
        seen.queue.apply(asked(offset, request(name)))
    assert not seen.history.erased("a1")
    seen.queue.apply(told(0, Erased(person="ann", upto=2, request="a1")))
    assert seen.ids() == ["a2", "a0"]
    seen.queue.apply(told(1, Erased(person="ann", upto=4, request="a3")))
    seen.queue.apply(asked(3, request("a3")))
    assert seen.ids() == ["a2", "a0"]
    assert [name for name in ("a0", "a1", "a2", "a3", "a4") if seen.history.erased(name)] == ["a1", "a3"]


def test_whose_pictures_count() -> None:
    """Those of the attempt that finished; as long as a job is open, or unknown, nobody can tell."""
    seen = Told()
    for offset in range(3):
        seen.queue.apply(asked(offset, request(f"r{offset}")))
    seen.queue.apply(told(0, claimed("r0", 0, attempt="x")))
    seen.queue.apply(told(1, released(Token(0, "x"), "r0", 0)))
    seen.queue.apply(told(2, claimed("r0", 0, attempt="y")))
    assert seen.history.counted("r0", "x") is None
    seen.queue.apply(told(3, finished(Token(2, "y"), "r0", 0)))
    assert seen.history.counted("r0", "x") is False
    assert seen.history.counted("r0", "y") is True
    seen.queue.apply(told(4, claimed("r1", 1)))
    seen.queue.apply(told(5, expired(Token(4, "a"), 4, "r1", 1, final=True)))
    assert seen.history.counted("r1", "a") is False
    assert seen.history.counted("r2", "a") is None
    assert seen.history.counted("r9", "a") is None
