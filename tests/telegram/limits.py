"""How much a bot may send: core.telegram.org/bots/faq, "My bot is hitting limits, how do I avoid this?"."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

SENDS = frozenset({"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"})
EDITS = frozenset({"editMessageText", "editMessageCaption", "editMessageMedia", "editMessageReplyMarkup"})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The numbers of the FAQ; Telegram itself keeps the exact ones to itself."""

    chat_per_second: float = 1.0  # "avoid sending more than one message per second"
    chat_burst: int = 5  # "we may allow short bursts that go over this limit"
    group_per_minute: int = 20  # "not more than 20 messages per minute to the same group"
    overall_per_second: int = 30  # "bulk notifications ... about 30 messages per second"
    methods: frozenset[str] = SENDS | EDITS
    enforced: bool = True  # else violations are only written down


@dataclass(frozen=True)
class Violation:
    """A call over a limit."""

    at: float
    rule: str
    method: str
    chat_id: int
    retry_after: int


@dataclass
class Meter:
    """Counts calls against the limits; without limits it counts nothing."""

    limits: Limits | None = None
    violations: list[Violation] = field(default_factory=list)
    _credit: dict[int, tuple[float, float]] = field(default_factory=dict)
    _minute: dict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _second: deque[float] = field(default_factory=deque)

    def count(self, at: float, method: str, chat_id: int, messages: int) -> int:
        """Count a call of so many messages; return the seconds to wait where it went over a limit, else 0."""
        if self.limits is None or method not in self.limits.methods:
            return 0
        waits = self._waits(at, chat_id, self.limits)
        wait, rule = max((math.ceil(seconds), rule) for rule, seconds in waits.items())
        if wait > 0:
            self.violations.append(Violation(at, rule, method, chat_id, wait))
            if self.limits.enforced:
                return wait
        self._spend(at, chat_id, messages, self.limits)
        return 0

    def _waits(self, at: float, chat_id: int, limits: Limits) -> dict[str, float]:
        """Return by rule how long until one more message is allowed; chats of several people have negative ids."""
        waits = {
            "chat": (1 - self._credit_at(at, chat_id, limits)) / limits.chat_per_second,
            "overall": _until_free(self._second, at, limits.overall_per_second, 1.0),
        }
        if chat_id < 0:
            waits["group"] = _until_free(self._minute[chat_id], at, limits.group_per_minute, 60.0)
        return waits

    def _credit_at(self, at: float, chat_id: int, limits: Limits) -> float:
        credit, since = self._credit.get(chat_id, (limits.chat_burst, at))
        return min(limits.chat_burst, credit + (at - since) * limits.chat_per_second)

    def _spend(self, at: float, chat_id: int, messages: int, limits: Limits) -> None:
        self._credit[chat_id] = (self._credit_at(at, chat_id, limits) - messages, at)
        self._minute[chat_id].extend([at] * messages)
        self._second.extend([at] * messages)


def _until_free(times: deque[float], at: float, allowed: int, window: float) -> float:
    while times and times[0] <= at - window:
        times.popleft()
    return times[-allowed] + window - at if len(times) >= allowed else 0.0
