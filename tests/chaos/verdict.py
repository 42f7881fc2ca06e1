"""What became of everybody's requests, straight from the log; nothing of the product reads it here."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from prompt2pic.core.ports import Record
from tests.chaos.tape import REQUESTS

_ENDS = ("finished", "failed", "expired", "cancelled")


class Turn(NamedTuple):
    """A claim that counted: whose job it was, when (ms), and the seconds it was charged with."""

    person: str
    request: str
    when: int
    seconds: float


class Story:
    """One request's history: the claims that counted, the attempts that did not lead to its end, its ends."""

    def __init__(self, person: str, prompt: str, when: int) -> None:
        self.person = person
        self.prompt = prompt
        self.asked = when
        self.token: list[Any] | None = None
        self.begun: dict[str, float] = {}
        self.ends: list[dict[str, Any]] = []
        self.waits = True

    def hear(self, offset: int, event: dict[str, Any]) -> str:
        """Take in a record; return its kind where it counted, nothing where it did not."""
        kind, token = event["type"], event.get("token")
        if self.ends or (token is not None and token != self.token):
            return ""
        if kind == "claimed":
            if not self.waits:
                return ""
            self.token, self.waits = [offset, event["attempt"]], False
            self.begun[event["attempt"]] = event["predicted"]
        elif kind in ("released", "failed", "expired") and not event.get("final"):
            self.token, self.waits = None, True
        elif kind in _ENDS:
            self.ends.append(event)
            self.waits = False
        return str(kind)


class Verdict(NamedTuple):
    """The figures: seconds that counted and seconds that were painted in vain, at most; the unfairness.

    `unfair` is the most seconds of painting that anybody was given beyond somebody who waited all the while,
    `orphans` are events of requests that nobody made.
    """

    stories: dict[str, Story]
    turns: list[Turn]
    counted: float
    wasted: float
    unfair: float
    late: int
    orphans: int = 0

    def unended(self) -> set[str]:
        """Return the requests that have not ended."""
        return {request for request, story in self.stories.items() if not story.ends}

    def share_wasted(self) -> float:
        """Return the painted seconds that did not count as a share of all."""
        return self.wasted / max(1e-9, self.wasted + self.counted)


def judge(records: Iterable[Record]) -> Verdict:
    """Read the records of requests and results, in the order of time, and judge."""
    stories, turns, late, orphans = {}, [], 0, 0
    fairness = _Fairness()
    for record in sorted(records, key=_order):
        told = msgspec.json.decode(record.value)
        if record.place.topic == REQUESTS:
            if told["type"] == "request" and told["id"] not in stories:
                stories[told["id"]] = Story(told["person"], told["prompt"], record.timestamp)
                fairness.waits(told["person"], told["id"], told["level"])
        elif "request" in told:
            if told["request"] not in stories:
                orphans += 1
                continue
            story = stories[told["request"]]
            kind = story.hear(record.offset, told)
            late += kind == ""
            if kind == "claimed":
                turns.append(Turn(story.person, told["request"], record.timestamp, told["predicted"]))
                fairness.turn(turns[-1])
            elif story.waits and kind:
                fairness.again(story.person, told["request"], turns)
    return _verdict(stories, turns, fairness.worst, late)._replace(orphans=orphans)


def _order(record: Record) -> tuple[int, str, int, int]:
    return record.timestamp, record.place.topic, record.place.partition, record.offset


def _verdict(stories: dict[str, Story], turns: list[Turn], unfair: float, late: int) -> Verdict:
    counted = wasted = 0.0
    for story in stories.values():
        for end in story.ends:
            if end["type"] == "finished":
                counted += end["seconds"]
                story.begun.pop(end["token"][1])
        wasted += sum(story.begun.values())
    return Verdict(stories, turns, counted, wasted, unfair, late)


class _Fairness:
    """For each two people: the seconds given to one beyond the other while that other waited all the time."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._waiting: dict[str, set[str]] = defaultdict(set)
        self._ahead: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def waits(self, person: str, request: str, level: str) -> None:
        self._waiting[person].add(request)

    def turn(self, turn: Turn) -> None:
        self._waiting[turn.person].discard(turn.request)
        for person, waiting in self._waiting.items():
            if person == turn.person:
                mine = self._ahead[person]
                for other in mine:
                    mine[other] = max(0.0, mine[other] - turn.seconds)
            elif waiting:
                self._ahead[person][turn.person] += turn.seconds
                self.worst = max(self.worst, self._ahead[person][turn.person])
        if not self._waiting[turn.person]:
            self._ahead[turn.person].clear()

    def again(self, person: str, request: str, turns: list[Turn]) -> None:
        """Take in that an attempt came to nothing: the job waits again, later than by its turn."""
        self._ahead[person].clear()
