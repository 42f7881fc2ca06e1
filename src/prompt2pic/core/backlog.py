"""How much work there is: what an operator scales and alerts by."""

from itertools import islice

from prompt2pic.core.forecast import MOST_LOOKED_AT, UNPREDICTED, Load
from prompt2pic.core.jobs import Job
from prompt2pic.core.quality import Targets, expected_level
from prompt2pic.core.queue import Queue
from prompt2pic.core.requests import Request


def predicted_work(queue: Queue, load: Load, targets: Targets) -> float:
    """Return the seconds of painting that one worker would need for what waits and for the rest of what is held.

    `auto` counts at the level that it now comes to. Of more than 1,000 jobs that wait the others are taken to be like
    these; what nobody can predict counts as 10 s.
    """
    near = list(
        islice(queue.upcoming(lambda job: 1.0), MOST_LOOKED_AT)
    )  # by people in turn; the order is no matter
    held = sum(load.left(job) for job in load.held)
    if not near:
        return held
    auto = expected_level(near, load, targets)
    return held + len(queue.turns) * _mean(near, load, auto)


def _mean(jobs: list[Job], load: Load, auto: str) -> float:
    known: dict[object, float] = {}  # most requests are alike, and workers may be many

    def seconds(request: Request) -> float:
        level = auto if request.level == "auto" else request.level
        kind = (request.width, request.height, request.count, level)
        if kind not in known:
            predicted = load.seconds(request, level)
            known[kind] = UNPREDICTED if predicted is None else predicted
        return known[kind]

    return sum(seconds(job.request) if job.request else UNPREDICTED for job in jobs) / len(jobs)
