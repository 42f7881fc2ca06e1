"""One go of this worker at a job, from its claim to its end."""

import math
import uuid
from base64 import b64encode
from typing import Literal

import msgspec

from prompt2pic.core import decide
from prompt2pic.core.events import Picture, Progressed
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import LARGEST_PREVIEW, Painted, PaintOrder, Place, Step
from prompt2pic.core.queue import RESULTS
from prompt2pic.core.sizes import painted_size
from prompt2pic.core.workers import WorkerState

Phase = Literal["claiming", "painting", "ending"]


class Attempt(msgspec.Struct):
    """The attempt this worker is at; times are monotonic seconds, `target` is from request to pictures.

    `heard` is the last sign of life of painter or upload, by the worker's awake clock, `written` the last record of
    the attempt, `shown` the last preview that the log has.
    """

    job: Job
    id: str
    level: str
    lease: float
    predicted: float
    claimed: int | None
    target: float
    began: float
    heard: float
    written: float
    phase: Phase = "claiming"
    step: Step | None = None
    preview: bytes = b""
    shown: bytes = b""
    fresh: bool = False
    pictures: dict[int, Picture] = {}
    seconds: float | None = None
    read: tuple[float, float] = (1.0, 1.0)

    @property
    def place(self) -> Place:
        """Where the attempt's events go."""
        return Place(RESULTS, self.job.partition)

    @property
    def count(self) -> int:
        """How many pictures there are to paint."""
        return self.job.request.count if self.job.request else 0

    def won(self) -> bool:
        """Whether the job is held by this attempt."""
        return decide.holds(self.job, self.id)

    def complete(self) -> bool:
        """Whether every picture is painted and stored."""
        return self.seconds is not None and len(self.pictures) == self.count

    def key(self, number: int) -> str:
        """Return the store's key of the n-th picture."""
        return f"{self.job.id}/{self.id}/{number}.png"

    def order(self, me: WorkerState) -> PaintOrder:
        """Return what the painter has to paint."""
        request = self.job.request
        assert request is not None, "a job is claimed with its request"  # noqa: S101
        width, height = painted_size(me.model, None, None)
        return PaintOrder(
            prompt=request.prompt,
            negative=request.negative,
            width=request.width or width,
            height=request.height or height,
            count=request.count,
            seed=request.seed,
            strength=request.strength,
            level=self.level,
        )

    def largeness(self, me: WorkerState) -> float:
        """Return how much larger than the model's default size a picture is painted."""
        order = self.order(me)
        width, height = painted_size(me.model, order.width, order.height)
        return width * height / math.prod(me.model.sizes[0])

    def fraction(self) -> float:
        """Return how much of the painting is done, 0 to 1."""
        if self.step is None:
            return 0.0
        return (self.step.picture + self.step.step / self.step.steps) / self.count

    def left(self, now: float) -> float:
        """Return the predicted rest in seconds, by the pace so far once there is one."""
        fraction = self.fraction()
        spent = now - self.began
        return max(0.0, self.predicted - spent) if fraction < 0.05 else spent * (1 - fraction) / fraction

    def progress(self, now: float) -> Progressed:
        """Return the record that renews the lease."""
        assert self.job.token is not None, "only a held job makes progress"  # noqa: S101
        step = self.step
        return Progressed(
            request=self.job.id,
            at=self.job.at,
            token=self.job.token,
            fraction=round(self.fraction(), 3),
            step=step.step if step else 0,
            steps=step.steps if step else 0,
            left=round(self.left(now), 1),
            preview=b64encode(self.preview).decode() if self.preview != self.shown else "",
        )

    def note(self, step: Step) -> None:
        """Take in a step of the painter, and its preview where it has one that is small enough."""
        self.step = step
        if 0 < len(step.preview) <= LARGEST_PREVIEW:
            self.preview = step.preview


def stored(key: str, link: str, painted: Painted) -> Picture:
    """Return what `finished` says of a stored picture."""
    return Picture(
        key=key,
        link=link,
        seed=painted.seed,
        width=painted.width,
        height=painted.height,
        painted_width=painted.painted_width,
        painted_height=painted.painted_height,
    )


def new_id() -> str:
    """Return a random attempt id."""
    return uuid.uuid4().hex
