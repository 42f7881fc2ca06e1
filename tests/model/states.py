"""A state of the log and its workers, and a step from one to the next."""

from typing import NamedTuple

from prompt2pic.core.ledger import Frontier
from tests.model.bounds import Left
from tests.model.logs import Asked, Written
from tests.model.worker import Local


class State(NamedTuple):
    """Both topics (as nodes of their trees), the workers in order, and what is still on its way to the log.

    `frontier` is the committed one, `tick` the half-days that went by, `left` what may still go wrong.
    """

    requests: int
    results: int
    workers: tuple[Local, ...]
    left: Left
    flying: tuple[Written | Asked, ...] = ()
    frontier: Frontier | None = None
    tick: int = 0


class Step(NamedTuple):
    """How a state was reached: who did what, and what of it is in the log now or on its way.

    `before` is the worker with how far it had read when it decided on it.
    """

    kind: str
    worker: int = -1
    before: Local | None = None
    record: Written | Asked | None = None
    away: bool = False

    @property
    def what(self) -> str:
        """Return what it is counted as."""
        if self.worker < 0 and self.before is not None:
            return f"{self.kind}, asleep"
        return self.kind + ", unknown" * self.away
