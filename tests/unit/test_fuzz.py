"""Whatever stands in the log or in a message is counted or refused; nothing breaks, and what is good counts on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2pic.core import decide
from prompt2pic.core.asks import Ask, Limits, check
from prompt2pic.core.dispatch import candidates
from prompt2pic.core.errors import NewerLog, Refused
from prompt2pic.core.events import Token, decode_event, encode_event
from prompt2pic.core.forecast import Load, waits
from prompt2pic.core.history import History
from prompt2pic.core.intake import request_of
from prompt2pic.core.lease import Watch
from prompt2pic.core.options import parse
from prompt2pic.core.ports import Place
from prompt2pic.core.quality import Targets, choose, expected_level
from prompt2pic.core.reader import Reader
from prompt2pic.core.requests import decode_request, encode_request
from prompt2pic.core.workers import decode_worker, encode_worker
from prompt2pic.texts import sentence
from tests.fakes.memory_log import MemoryLog
from tests.unit.fuzz import records
from tests.unit.samples import MODEL, claimed, finished, request, worker

NOW = 10_000  # ms
TOPICS = {"requests": 1, "results": 1, "workers": 1, "settings": 1}
READS = {"requests": decode_request, "results": decode_event, "workers": decode_worker}

litter = st.lists(
    st.sampled_from(sorted(READS)).flatmap(lambda topic: st.tuples(st.just(topic), records(topic))),
    max_size=12,
)


class Readers:
    """What a web process and a worker make of a log, all of it."""

    def __init__(self, log: MemoryLog) -> None:
        self.watch = Watch()
        self.reader = Reader(log, from_frontier=True, rebuilt=self._follow)

    def _follow(self, reader: Reader) -> None:
        self.history = History(reader.queue)
        reader.queue.listeners.append(lambda job, event: self.watch.heard(job))

    def read(self) -> None:
        """Read to the end and decide whatever there is to be decided."""
        while self.reader.pump(0.0):
            pass
        queue, me = self.reader.queue, worker("me")
        load = Load([*self.reader.crew.live(NOW), me], list(queue.held()), self.reader.speeds, NOW)
        upcoming = list(queue.upcoming(load.turn))
        waits(load, upcoming, expected_level(upcoming, load, Targets()))
        for offer in candidates(queue, me, load):
            choose(offer.job, upcoming, me, load, Targets(), "best")
        for job in queue.open_jobs():
            assert decide.not_before(job) >= 0
            if job.state == "held":
                decide.expiry(job, 3)
                self.watch.expired(job)
        for job in self.history.of("ann"):
            assert job.request is not None
        queue.advance(NOW + 90_000_000)


@settings(max_examples=400)
@given(litter, litter)
def test_litter_in_the_log(before: list[tuple[str, bytes]], after: list[tuple[str, bytes]]) -> None:
    """Any bytes in requests, results and workers: what can not be read is counted, and a good request is served."""
    log = MemoryLog(TOPICS, lambda: NOW)
    for topic, value in before:
        log.append(Place(topic, 0), "", value)
    readers = Readers(log)
    try:
        readers.read()
        log.append(Place("workers", 0), "", encode_worker(worker("good")))
        at = log.append(Place("requests", 0), "", encode_request(request("good", person="bob")))
        claim = log.append(Place("results", 0), "", encode_event(claimed("good", at, attempt="good")))
        for topic, value in after:
            log.append(Place(topic, 0), "", value)
        log.append(Place("results", 0), "", encode_event(finished(Token(claim, "good"), "good", at)))
        readers.read()
    except NewerLog:
        return
    assert "good" in {each.name for each in readers.reader.crew.live(NOW)}
    kept = readers.history.job("good", "bob")
    assert kept is not None
    assert kept.state == "finished"
    unread = sum(READS[topic](value) is None for topic, value in before + after)
    assert readers.reader.queue.undecodable + readers.reader.crew.undecodable == unread


words = st.sampled_from(
    [
        "--no",
        "—ar",
        "--size",
        "--seed=",
        "--n",
        "–level",
        "16:9",
        "99999:1",
        "4",
        "0",
        "-1",
        "1e9",
        "fast",
        "кот",
    ]
)
messages = st.lists(words | st.text(max_size=12), max_size=10).map(" ".join) | st.text(max_size=200)


def understood(message: str, limits: Limits) -> Ask | Refused:
    """Return the checked ask of a message, or why there is none."""
    try:
        return check(parse(message), limits)
    except Refused as refused:
        return refused


@settings(max_examples=400)
@given(messages)
def test_any_message_is_an_ask_or_a_sentence(message: str) -> None:
    """Whatever a message says, it becomes a request within the limits, or a sentence says what is wrong with it."""
    limits = Limits()
    asked = understood(message, limits)
    if isinstance(asked, Refused):
        for language in ("en", "ru"):
            assert " " in sentence(asked, language)
        return
    body = request_of(
        asked,
        id="r",
        person="p",
        seed=1,
        model=MODEL,
        language="en",
        digest="",
        limits=limits,
        reply={"kind": "web"},
    )
    assert decode_request(encode_request(body)) == body
    assert 1 <= len(body.prompt) <= limits.prompt
    assert 1 <= body.count <= limits.count
    for side in (body.width, body.height):
        assert side is None or limits.smallest <= side <= limits.largest


@given(st.integers() | st.sampled_from([10**400, -(10**400), 2**64]))
def test_any_number_can_be_said(number: int) -> None:
    """A number that nobody can mean is told as it came."""
    assert str(number)[-3:] in sentence(Refused("count-wrong", count=number, limit=10), "ru")
