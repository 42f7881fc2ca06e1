"""What the doctor sees in a log, whatever kind it is of, and how it puts why Kafka can not be reached."""

import time

import pytest

from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import FRONTIER_GROUP, SETTINGS, WORKERS, now_ms
from prompt2pic.core.requests import Grown, encode_request
from prompt2pic.core.rules import Rules
from prompt2pic.doctor_kafka import in_words
from prompt2pic.doctor_log import apart_by_heartbeat, apart_by_record, lag
from prompt2pic.texts import LANGUAGES, Texts
from tests.fakes.memory_log import MemoryLog
from tests.unit.samples import request

HOUR = 3600 * 1000  # ms
FIRST, SECOND = Place(REQUESTS, 0), Place(REQUESTS, 1)


class Ahead:
    """A log whose clock is ahead of ours by some ms."""

    def __init__(self) -> None:
        self.ahead = 0
        self.log = MemoryLog({REQUESTS: 2, RESULTS: 2, WORKERS: 1, SETTINGS: 1}, self._now)

    def _now(self) -> int:
        return now_ms() + self.ahead


@pytest.mark.parametrize("ahead", [-90_000, 0, 90_000])
def test_clocks_are_compared_by_a_record(ahead: int) -> None:
    """A record that is written now tells how far the log's clock is ahead; it changes no rule."""
    there = Ahead()
    there.ahead = ahead
    apart = apart_by_record(there.log)
    assert apart is not None
    assert abs(apart - ahead) < 1000
    rules, untouched = Rules(), Rules()
    for record in there.log.read(Place(SETTINGS, 0), 0, 10):
        rules.apply(record)
    assert vars(rules) == vars(untouched)


def test_no_heartbeat_tells_nothing() -> None:
    """Where no worker gives a sign, and nothing may be written, the clocks are not compared."""
    assert apart_by_heartbeat(Ahead().log, timeout=0.01) is None


def test_nothing_was_ever_asked_for() -> None:
    """An empty log has nothing to be read."""
    assert lag(Ahead().log) == (0, 0)


def test_the_frontier_is_as_old_as_its_first_request() -> None:
    """What lies behind it does not count, and without one all counts."""
    there = Ahead()
    for hours in (-100, -20):
        there.ahead = hours * HOUR
        there.log.append(FIRST, "id", encode_request(request()))
    there.ahead = -1 * HOUR
    there.log.append(SECOND, "id", encode_request(request()))
    assert [lag(there.log).requests, round(lag(there.log).age / HOUR)] == [3, 100]
    there.log.commit(FRONTIER_GROUP, {FIRST: commit_of(Mark(Frontier(1, 0), 2, 0))})
    assert [lag(there.log).requests, round(lag(there.log).age / HOUR)] == [2, 20]


def test_what_is_no_request_has_no_age() -> None:
    """A record that more partitions are used may stand for months where nobody asks."""
    there = Ahead()
    there.ahead = -1000 * HOUR
    there.log.append(FIRST, "", encode_request(Grown(number=2)))
    assert lag(there.log).age == 0


def test_a_frontier_that_is_not_held_any_more() -> None:
    """Where retention passed it, a worker begins at the earliest."""
    there = Ahead()
    for _ in range(4):
        there.log.append(FIRST, "id", encode_request(request()))
    there.log.commit(FRONTIER_GROUP, {FIRST: commit_of(Mark(Frontier(1, 0), 2, 0))})
    there.log.trim(FIRST, 3)
    begun = time.monotonic()
    assert lag(there.log).requests == 1
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("Failed to resolve 'none:9092': Name or service not known", "has no address"),
        ("Connect to ipv4#127.0.0.1:1 failed: Connection refused", "Nothing listens"),
        (
            "SASL authentication error: Authentication failed during authentication due to invalid credentials",
            "password",
        ),
        (
            "SSL handshake failed: certificate verify failed: broker certificate could not be verified",
            "not trusted",
        ),
        ("Disconnected: might be caused by incorrect security.protocol configuration", "One side speaks TLS"),
        (
            "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
            "One side speaks TLS",
        ),
        ("Local: Timed out", "does not answer"),
    ],
)
def test_why_kafka_can_not_be_reached(reason: str, word: str) -> None:
    """What the client says becomes a sentence with what to do, in each language."""
    problem = in_words(LogUnavailable("log-kafka-away", path="kafka://none:9092", reason=reason))
    assert word in Texts("en").sentence(problem)
    assert all(reason in Texts(language).sentence(problem) for language in LANGUAGES)


def test_other_problems_are_told_as_they_are() -> None:
    """A sentence of its own is left alone."""
    problem = LogUnavailable("log-kafka-rights", path="kafka://none:9092", reason="no")
    assert in_words(problem) is problem
