"""How long a job will take: learnt from `finished` events, seeded by each worker's calibration."""

from collections import deque

from prompt2pic.core.events import Finished, JobEvent
from prompt2pic.core.jobs import Job
from prompt2pic.core.requests import Request
from prompt2pic.core.sizes import painted_size
from prompt2pic.core.workers import WorkerState

_KEPT = 50  # measurements kept for each worker, level and size
_MOST = 5000  # workers, levels and sizes measured; beyond that the one known longest is forgotten
_QUANTILE = 0.9  # a prediction that most pictures keep


class Speeds:
    """Seconds a picture takes, a high quantile of the last measurements."""

    def __init__(self) -> None:
        self._measured: dict[tuple[str, str, int], deque[float]] = {}

    def learn(self, job: Job, event: JobEvent | None) -> None:
        """Take in the painting time of the job that `event` has finished; any other event teaches nothing."""
        if type(event) is not Finished:
            return
        pictures = event.pictures
        first = pictures[0]
        key = event.worker, event.level, first.painted_width * first.painted_height
        measured = self._measured.get(key) or self._begin(key)
        measured.append(event.seconds / len(pictures))

    def _begin(self, key: tuple[str, str, int]) -> deque[float]:
        """Return where a key's measurements go; the key known longest gives way, and is learnt anew if it is alive."""
        if len(self._measured) >= _MOST:
            del self._measured[next(iter(self._measured))]
        begun = self._measured[key] = deque(maxlen=_KEPT)
        return begun

    def seconds(self, worker: WorkerState, request: Request, level: str) -> float | None:
        """Return the predicted seconds of the whole request, None where there is nothing to go by."""
        width, height = painted_size(worker.model, request.width, request.height)
        measured = self._measured.get((worker.name, level, width * height))
        each = _quantile(measured) if measured else _calibrated(worker, level, width * height)
        return None if each is None else each * request.count


def _quantile(measured: deque[float]) -> float:
    ordered = sorted(measured)
    return ordered[min(len(ordered) - 1, int(_QUANTILE * len(ordered)))]


def _calibrated(worker: WorkerState, level: str, pixels: int) -> float | None:
    seconds = worker.seconds.get(level)
    default_width, default_height = worker.model.sizes[0]
    return None if seconds is None else seconds * pixels / (default_width * default_height)
