"""What grows with the crew and with the day: a choice among many live workers, a heartbeat, an id that is remembered.

python -m bench.crews
"""

import statistics
from functools import partial

import msgspec

from bench.choice import ME, add
from bench.figures import figure
from bench.fold import CHUNK, chunk, memory
from bench.overhead import timed
from prompt2pic.core.dispatch import candidates, pick, rank
from prompt2pic.core.forecast import Load
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.quality import Targets, choose
from prompt2pic.core.queue import Queue
from prompt2pic.core.reader import WORKERS
from prompt2pic.core.speeds import Speeds
from prompt2pic.core.workers import Crew, encode_worker

ROUNDS = 30
NOW = 10**6  # ms
IDS = 5 * CHUNK


def main() -> None:
    """Print the milliseconds of a choice by live workers, the bytes of a heartbeat and of an id."""
    reference = None
    for workers in (1, 64, 1_000, 10_000):
        crew, queue = crew_of(workers), Queue({0: Frontier()})
        for number in range(100):
            add(queue, number)
        spent = statistics.median(timed(partial(choice, crew, queue)) for _ in range(ROUNDS)) * 1000
        reference = reference or spent
        what = f"a choice, 100 waiting, {workers:,} live worker{'s' * (workers > 1)}"
        beside = f"{spent / reference:,.0f} times that with one"
        figure(what, spent, "ms", beside=beside, curve="ms a choice, by live workers", at=workers)
    heartbeat = encode_worker(msgspec.structs.replace(ME, name="worker-12345"))
    figure("a heartbeat", len(heartbeat), "B")
    figure("memory of an id that is remembered", bytes_of_an_id(), "B", beside=f"of {IDS:,} finished jobs")


def crew_of(workers: int) -> Crew:
    """Return a crew of so many, this worker among them."""
    crew = Crew()
    for number in range(workers):
        state = msgspec.structs.replace(ME, name=f"worker-{number}" if number else ME.name)
        crew.apply(Record(Place(WORKERS, 0), number, state.name, encode_worker(state), NOW))
    return crew


def choice(crew: Crew, queue: Queue) -> None:
    """Do what an idle worker does when something has changed: look who is there, and choose job and level."""
    load = Load(crew.live(NOW), [], Speeds(), NOW)
    place = rank(ME.name, [worker.name for worker in load.idle()])
    offer, _ = pick(candidates(queue, ME, load), min(place, 10), 0.0)
    if offer is None:
        raise RuntimeError("nobody waits")
    choose(offer.job, queue.upcoming(load.turn), ME, load, Targets(), "best")


def bytes_of_an_id() -> float:
    """Return by how many bytes this process grows with each finished job of the last day."""
    queue, before = Queue({0: Frontier()}), 0.0
    for first in range(0, IDS + CHUNK, CHUNK):
        queue.apply(*chunk(first, CHUNK, IDS + CHUNK))
        before = before or memory()  # after the first: what the bench itself takes is there by then
    return (memory() - before) * 2**20 / IDS


if __name__ == "__main__":
    main()
