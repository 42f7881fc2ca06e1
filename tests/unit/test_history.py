"""Everybody's own jobs, newest first, until they are erased."""

from collections.abc import Iterable, Iterator, Mapping

from prompt2pic.core.events import Erased, Token, Version
from prompt2pic.core.history import History
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.queue import Queue
from tests.unit.samples import asked, cancelled, claimed, expired, finished, released, request, told


class MemoryShelf:
    """A shelf that forgets everything with its process."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.frontiers: Mapping[int, Frontier] = {}

    def put(self, jobs: Iterable[Job], frontiers: Mapping[int, Frontier]) -> None:
        self.jobs |= {job.id: job for job in jobs}
        self.frontiers = frontiers

    def job(self, request: str) -> Job | None:
        return self.jobs.get(request)

    def of(self, person: str, partition: int) -> Iterator[Job]:
        theirs = [job for job in self.jobs.values() if job.request and job.request.person == person]
        return (job for job in reversed(theirs) if job.partition == partition)

    def drop(self, request: str) -> None:
        del self.jobs[request]


class Told:
    """A history and the queue it listens to; partition 1 has only what a test puts there."""

    def __init__(self, shelf: MemoryShelf | None = None) -> None:
        self.queue = Queue({0: Frontier(), 1: Frontier()})
        self.history = History(self.queue, shelf)

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
    seen.queue.apply(asked(0, request("other", person="ann"), timestamp=2, partition=1))
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


def test_what_erases_nothing_is_passed_over() -> None:
    """Of all records only an erasure hides something, whether or not the others count."""
    seen = Told()
    seen.queue.apply(asked(0, request("r")))
    for offset, event in enumerate([Version(needs=1), claimed("r", 0), claimed("r", 0), None]):
        seen.queue.apply(told(offset, event))
    assert seen.ids() == ["r"]
    assert not seen.history.erased("r")


def shelved() -> tuple[Told, MemoryShelf]:
    """Return a history of which ann's first two jobs, and one of another partition, are on the shelf."""
    shelf = MemoryShelf()
    seen = Told(shelf)
    for offset, (name, person) in enumerate([("a0", "ann"), ("a1", "ann"), ("b2", "bob"), ("a3", "ann")]):
        seen.queue.apply(asked(offset, request(name, person=person)))
        seen.queue.apply(told(offset, cancelled(name, offset)))
    for offset, name in enumerate(["o0", "o1"]):
        seen.queue.apply(asked(offset, request(name, person="eve"), partition=1))
    seen.history.shelve({0: Frontier(2, 0), 1: Frontier(1, 0)})
    return seen, shelf


def test_what_is_old_lies_on_the_shelf() -> None:
    """What lies before a partition's frontier goes there, once, and is seen as before."""
    seen, shelf = shelved()
    assert (list(shelf.jobs), shelf.frontiers) == (["a0", "a1", "o0"], {0: (2, 0, 1), 1: (1, 0, 1)})
    assert seen.ids() == ["a3", "a1", "a0"]
    assert seen.ids("eve") == ["o1", "o0"]
    assert seen.history.job("a0", "ann") is shelf.jobs["a0"]
    assert seen.history.job("a0", "bob") is None
    assert seen.history.job("b2", "bob") is not None
    assert [job.id for job in seen.history.starting_with("a0")] == ["a0"]
    shelf.jobs.clear()
    assert (seen.ids(), seen.ids("eve")) == (["a3"], ["o1"])
    seen.history.shelve({0: Frontier(3, 0), 1: Frontier(1, 0)})
    assert list(shelf.jobs) == ["b2"]


def test_what_was_erased_leaves_the_shelf() -> None:
    """Erased means erased, wherever it lies; what others asked for stays there."""
    seen, shelf = shelved()
    seen.queue.apply(told(4, Erased(person="ann", upto=2, request="a1")))
    assert list(shelf.jobs) == ["a0", "o0"]
    assert seen.history.erased("a1")
    seen.queue.apply(told(5, Erased(person="ann", upto=4)))
    assert list(shelf.jobs) == ["o0"]
    assert (seen.ids(), seen.ids("bob")) == ([], ["b2"])
    assert all(seen.history.erased(name) for name in ("a0", "a1", "a3"))
    assert "ann" not in seen.history._of, "of who has nothing left nothing is kept"


def test_without_a_shelf_all_is_kept() -> None:
    """Whoever has no disk keeps everything in memory."""
    seen = Told()
    seen.queue.apply(asked(0, request("r")))
    seen.history.shelve({0: Frontier(1, 0), 1: Frontier()})
    assert seen.ids() == ["r"]
