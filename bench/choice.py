"""The choice of the next job while 1, 1,000 and 100,000 wait, with the fold of its claim.

python -m bench.choice
"""

import statistics
import time

from bench.figures import figure
from bench.fold import REQUEST_PLACE, RESULT_PLACE
from prompt2pic.core.dispatch import candidates, pick
from prompt2pic.core.events import Claimed, encode_event
from prompt2pic.core.forecast import Load
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.ports import Level, Model, Record
from prompt2pic.core.quality import Targets, choose
from prompt2pic.core.queue import Queue
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import WorkerState

ROUNDS = 300
LEVELS = tuple(Level(name=name, steps=10) for name in ("fast", "balanced", "best"))
ME = WorkerState(
    name="w",
    state="ready",
    model=Model(name="m", sizes=((512, 512),), levels=LEVELS),
    seconds={"fast": 1.0, "balanced": 2.0, "best": 4.0},
)


def main() -> None:
    """Print the median microseconds of a choice for each length of the queue, and the ratio to the shortest."""
    reference = None
    for waiting in (1, 1_000, 100_000):
        spent = statistics.median(rounds(waiting))
        reference = reference or spent
        what = f"a choice and its claim, {waiting:,} waiting"
        beside = f"{spent / reference:.1f} times that with one"
        figure(what, spent * 1e6, "us", beside=beside, curve="us a choice, by waiting jobs", at=waiting)


def rounds(waiting: int) -> list[float]:
    """Return the seconds of each of some choices while as many wait."""
    queue = Queue({0: Frontier()})
    for number in range(waiting):
        add(queue, number)
    spent = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        claim_next(queue)
        spent.append(time.perf_counter() - began)
        add(queue, waiting + number)
        queue.apply(Record(RESULT_PLACE, 2 * number + 1, "", b"{}", 0))
    return spent


def add(queue: Queue, number: int) -> None:
    """Put one more request into the queue, of one of many people."""
    request = Request(id=f"r{number}", person=f"p{number % 5000}", prompt="x", seed=1)
    queue.apply(Record(REQUEST_PLACE, number, request.id, encode_request(request), number))


def claim_next(queue: Queue) -> None:
    """Do what a worker does: whose turn, which level, the claim's record and its fold."""
    load = Load([ME], list(queue.held())[:0], Speeds(), 10**6)
    offer, _ = pick(candidates(queue, ME, load), 0, 0.0)
    if offer is None:
        raise RuntimeError("nobody waits")
    job = offer.job
    choice = choose(job, queue.upcoming(load.turn), ME, load, Targets(), "best")
    claim = Claimed(
        request=job.id,
        at=job.at,
        attempt="a",
        worker="w",
        model="m",
        level=choice.level,
        lease=15.0,
        predicted=choice.predicted or 1.0,
        by_age=offer.by_age,
    )
    offset = queue.ledgers[0].next_result
    queue.apply(Record(RESULT_PLACE, offset, job.id, encode_event(claim), 10**6))


if __name__ == "__main__":
    main()
