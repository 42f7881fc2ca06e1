"""Bad days of Telegram, on command."""

import random
import threading
from dataclasses import dataclass, field

from tests.telegram.refusals import Refusal, flood


@dataclass(frozen=True)
class Flood:
    """429 with the seconds to wait."""

    retry_after: int = 1

    def refusal(self) -> Refusal:
        """Return the answer."""
        return flood(self.retry_after)


@dataclass(frozen=True)
class Broken:
    """500, as the Bot API says it."""

    def refusal(self) -> Refusal:
        """Return the answer."""
        return Refusal(500, "Internal Server Error: restart")


@dataclass(frozen=True)
class BadGateway:
    """502 with a page of HTML instead of JSON, as the proxy in front of the Bot API says it."""


@dataclass(frozen=True)
class Cut:
    """The connection breaks: before the call had its effect, or after it (the bot can't know which)."""

    after: bool = False


@dataclass(frozen=True)
class Slow:
    """The answer takes its time; the effect comes at once."""

    seconds: float


Kind = Flood | Broken | BadGateway | Cut | Slow


@dataclass
class Fault:
    """Happens to the calls it fits: the first `skip` of them pass, the next `times` (None: all) are hit."""

    kind: Kind
    method: str | None = None
    chat_id: int | None = None
    skip: int = 0
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    hits: int = 0
    _seen: int = 0
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def strikes(self, method: str, chat_id: int | None) -> bool:
        """Tell whether it happens to this call."""
        if not self._fits(method, chat_id) or (self.times is not None and self.hits >= self.times):
            return False
        self._seen += 1
        if self._seen <= self.skip or self._dice.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def stop(self) -> None:
        """Let it happen no more."""
        self.times = self.hits

    def _fits(self, method: str, chat_id: int | None) -> bool:
        return self.method in (None, method) and self.chat_id in (None, chat_id)


class Faults:
    """All that is planned; `down` is what happens to every call while Telegram is down."""

    def __init__(self) -> None:
        self.down: Kind | None = None
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, fault: Fault) -> Fault:
        """Add one."""
        with self._lock:
            self._planned.append(fault)
        return fault

    def stop(self) -> None:
        """End all of them."""
        with self._lock:
            self._planned.clear()
            self.down = None

    def of(self, method: str, chat_id: int | None) -> Kind | None:
        """Return what happens to this call, if anything."""
        with self._lock:
            if self.down is not None:
                return self.down
            struck = (fault.kind for fault in self._planned if fault.strikes(method, chat_id))
            return next(struck, None)
