"""The queue over all partitions: who hears of what, what is counted, and what an advance lets go of."""

from prompt2pic.core.events import Erased, JobEvent, Token, Version
from prompt2pic.core.jobs import Job
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.queue import Queue
from prompt2pic.core.requests import Request
from tests.unit.samples import (
    HOUR,
    announced,
    asked,
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
    told,
)

FIRST, SECOND = Token(0, "a"), Token(3, "a")


def queue() -> Queue:
    """Return the queue of an empty log of two partitions."""
    return Queue({0: Frontier(), 1: Frontier()})


def asked_for(*bodies: Request | None, timestamp: int = 1) -> Queue:
    """Return a queue in which these were asked for in partition 0; None stands for what no program can read."""
    asking = queue()
    for offset, body in enumerate(bodies):
        asking.apply(asked(offset, body, timestamp))
    return asking


def test_listeners_hear_of_each_change_once() -> None:
    """Of a request's arrival and of each event that counted, not of what changed nothing; ends on their own."""
    telling, heard, ends = queue(), list[object](), list[object]()

    def hear(job: Job, event: JobEvent | None) -> None:
        heard.append((job.id, event))

    telling.listeners.append(hear)
    telling.endings.append(lambda job, event: ends.append((job.id, event)))
    done = finished(SECOND, notify=True)
    counted = [
        claimed(),
        started(FIRST),
        released(FIRST),
        claimed(),
        progressed(SECOND),
        announced(7),
        done,
        announced(8),
        delivered(),
    ]
    telling.apply(asked(0, request()))
    for offset, event in enumerate(counted):
        telling.apply(told(offset, event))
    for offset, event in enumerate([cancelled(), None, Version(needs=1), Erased(person="ann", upto=1)], 9):
        telling.apply(told(offset, event))
    assert heard == [("r", None), *(("r", event) for event in counted)]
    assert ends == [("r", done)]


def test_every_kind_of_end_is_heard_of() -> None:
    """Also of a job whose request was not read yet; an attempt that failed and may be tried again is none."""
    telling, ends = queue(), list[object]()
    telling.endings.append(lambda job, event: ends.append(event))
    kinds = [
        (finished(Token(0, "a"), "r0"), True),
        (cancelled("r1"), True),
        (failed(Token(4, "a"), "r2", final=True), True),
        (expired(Token(6, "a"), 6, "r3", final=True), True),
        (failed(Token(8, "a"), "r4"), False),
    ]
    for number, (event, _) in enumerate(kinds):
        telling.apply(told(2 * number, claimed(f"r{number}")))
        telling.apply(told(2 * number + 1, event))
    assert ends == [event for event, ends_it in kinds if ends_it]


def test_erasures_are_heard_of() -> None:
    """With the person, and by everybody who asked to; nothing else is taken for one."""
    telling, erased = asked_for(request()), list[str]()
    telling.erasures.append(erased.append)
    telling.erasures.append(erased.append)
    events = [None, Version(needs=1), claimed(), claimed(), Erased(person="ann", upto=1), delivered()]
    for offset, event in enumerate(events):
        telling.apply(told(offset, event))
    assert erased == ["ann", "ann"]


def test_what_can_not_be_read_is_counted() -> None:
    """In either topic, beside all that was folded; what changes nothing for other reasons is no such thing."""
    counting = asked_for(request(), None, request())
    for offset, event in enumerate([None, claimed("r", 0), claimed("r", 0), Version(needs=1)]):
        counting.apply(told(offset, event))
    assert (counting.folded, counting.undecodable) == (7, 2)


def test_a_job_is_found_in_any_partition() -> None:
    """While it is open; its id is known for longer."""
    finding = queue()
    for partition in (0, 1):
        finding.apply(asked(0, request(f"r{partition}"), partition=partition))
    assert [job.partition for job in finding.open_jobs()] == [0, 1]
    for partition in (0, 1):
        job = finding.job(f"r{partition}")
        assert job is not None
        assert job.partition == partition
        finding.apply(told(0, cancelled(job.id), partition=partition))
        assert finding.job(job.id) is None
        assert finding.known(job.id)
    assert not finding.known("r2")
    assert not list(finding.open_jobs())


def test_who_is_held() -> None:
    """From the claim that counted until the attempt's end, whatever else is said in between."""
    holding = asked_for(request())
    steps = [
        (claimed(), True),
        (progressed(FIRST), True),
        (released(FIRST), False),
        (claimed(), True),
        (announced(1), True),
        (failed(SECOND), False),
        (claimed(), True),
        (finished(Token(6, "a"), notify=True), False),
        (delivered(), False),
    ]
    for offset, (event, is_held) in enumerate(steps):
        holding.apply(told(offset, event))
        assert [job.id for job in holding.held()] == ["r"] * is_held


def test_turns_are_charged_in_seconds() -> None:
    """Jobs wait in the order that their costs make, and only those whose request was read."""
    bodies = [request(name, person=name[0]) for name in ("a0", "a1", "a2", "b0", "b1", "b2")]
    waiting = asked_for(*bodies)
    waiting.apply(told(0, claimed("unread", 9)))
    waiting.apply(told(1, released(FIRST, "unread", 9)))
    costs = {"a": 1.0, "b": 2.0}

    def cost(job: Job) -> float:
        return costs[job.id[0]]

    assert [job.id for job in waiting.upcoming(cost)] == ["a0", "b0", "a1", "a2", "b1", "b2"]
    assert all(waiting.job(job.id) is job for job in waiting.upcoming(cost))


def test_an_advance_lets_go_of_what_lies_behind() -> None:
    """Of claims of requests that nobody here can read, and of a day's count; an attempt that goes on stays held."""
    old, new = 100 * HOUR, 200 * HOUR
    moving = asked_for(None, request("old", person="eve"), timestamp=old)
    moving.apply(told(0, claimed("newer", 0)))
    moving.apply(told(1, cancelled("old", 1)))
    moving.apply(asked(2, request("new"), new))
    moving.apply(told(2, claimed("new", 2)))
    moving.apply(asked(0, request("other"), old, partition=1))
    assert {job.id for job in moving.held()} == {"newer", "new"}
    assert moving.advance(new) == {0: Frontier(2, 2), 1: Frontier(0, 0)}
    assert [job.id for job in moving.held()] == ["new"]
    assert [job.id for job in moving.open_jobs()] == ["new", "other"]
    assert [moving.tally.pictures("eve", old), moving.tally.pictures("ann", new)] == [0, 1]


def test_an_advance_puts_times_right() -> None:
    """A request that a wrong clock stamped years ahead keeps its place before the next one, also in turn."""
    now, years = 100 * HOUR, 5 * 365 * 24 * HOUR
    right = queue()
    right.apply(asked(0, request("ahead"), now + years))
    right.apply(asked(1, request("next"), now))
    assert [job.id for job in right.upcoming(lambda job: 1.0)] == ["next", "ahead"]
    right.advance(now)
    assert [(job.id, job.requested) for job in right.upcoming(lambda job: 1.0)] == [
        ("ahead", now),
        ("next", now),
    ]
