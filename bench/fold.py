"""The fold: a million finished jobs and ten thousand waiting, against bare decoding of the same bytes.

python -m bench.fold [--jobs 1000000]
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bench.figures import figure
from prompt2pic.core.events import (
    Claimed,
    Event,
    Finished,
    Picture,
    Progressed,
    Started,
    Token,
    encode_event,
)
from prompt2pic.core.ledger import REMEMBERED, Frontier
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.core.speeds import Speeds

WAITING = 10_000
PEOPLE = 1000
JOB_EVERY = 5000  # ms
DAY = 2  # chunks after which ids are forgotten as fast as they come
CHUNK = 20_000  # jobs whose records are made at a time, outside the measurement
REQUEST_PLACE, RESULT_PLACE = Place(REQUESTS, 0), Place(RESULTS, 0)


def main() -> None:
    """Print seconds and microseconds a record, the ratio to decoding, and whether the cost stays flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs = parser.parse_args().jobs
    queue, speeds = Queue({0: Frontier()}), Speeds()
    queue.endings.append(speeds.learn)
    folds, decodes, resident, records = [], [], [], 0
    for first in range(0, jobs + WAITING, CHUNK):
        made = list(chunk(first, min(CHUNK, jobs + WAITING - first), jobs))
        records += len(made)
        resident.append(memory())
        decodes.append(seconds_of(bare_decoding, made))
        folds.append(seconds_of(lambda some: read(queue, some), made))
    folding, decoding = sum(folds), sum(decodes)
    bare = f"bare decoding: {decoding / records * 1e6:.2f} us a record"
    figure(f"the fold, {jobs:,} finished jobs", folding / decoding, "x", limit=4, beside=bare)
    figure("its cost a record", folding / records * 1e6, "us")
    beside = "each as a multiple of bare decoding of its own records"
    figure(
        "its last tenth to its first after a day", tail_ratio(folds, decodes), "x", limit=1.15, beside=beside
    )
    ids = f"{REMEMBERED // JOB_EVERY:,} ids of a day, and the bench's records, in {resident[-1]:.0f} MiB of process"
    after_a_tenth = resident[len(resident) // 10]
    figure(
        "its memory at the end to that after a tenth",
        resident[-1] / after_a_tenth,
        "x",
        limit=1.1,
        beside=ids,
    )


def read(queue: Queue, records: list[Record]) -> None:
    """Fold the records and forget what is over and old, as every process does."""
    queue.apply(*records)
    queue.advance(records[-1].timestamp)


def bare_decoding(records: list[Record]) -> None:
    """Decode the values and nothing else: the reference."""
    request, event = msgspec.json.Decoder(Request).decode, msgspec.json.Decoder(Event).decode
    for record in records:
        (request if record.place is REQUEST_PLACE else event)(record.value)


def chunk(first: int, count: int, finished: int) -> Iterator[Record]:
    """Yield the records of some jobs, spread over months, those from `finished` on without events."""
    for number in range(first, first + count):
        now = number * JOB_EVERY
        person = f"web:{number % PEOPLE:032d}"
        request = Request(id=f"{number:036d}", person=person, prompt="a red cat " * 5, seed=number)
        yield Record(REQUEST_PLACE, number, request.id, encode_request(request), now)
        if number < finished:
            for step, event in enumerate(history(number, request.id)):
                yield Record(RESULT_PLACE, number * 4 + step, request.id, encode_event(event), now + step)


def history(number: int, request: str) -> list[Event]:
    """Return the events of a job that was painted at once, in 4.2 seconds: progress is told every third."""
    attempt = f"{number:032d}"
    token = Token(number * 4, attempt)
    picture = Picture(
        key=f"{request}/{attempt}/0.png",
        link=f"http://127.0.0.1:8080/pictures/{request}/{attempt}/0.png?expires=1&signature={'0' * 64}",
        seed=number,
        width=1024,
        height=1024,
        painted_width=1024,
        painted_height=1024,
    )
    return [
        Claimed(
            request=request,
            at=number,
            attempt=attempt,
            worker="w",
            model="m",
            level="best",
            lease=15.0,
            predicted=4.0,
        ),
        Started(request=request, at=number, token=token),
        Progressed(request=request, at=number, token=token, fraction=0.714, step=21, steps=30, left=1.2),
        Finished(
            request=request,
            at=number,
            token=token,
            pictures=(picture,),
            worker="w",
            model="m",
            level="best",
            steps=30,
            seconds=4.2,
        ),
    ]


def seconds_of(work: Callable[[list[Record]], object], records: list[Record]) -> float:
    """Return the CPU seconds of some work over records."""
    began = time.process_time()
    work(records)
    return time.process_time() - began


def memory() -> float:
    """Return the resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def tail_ratio(folds: list[float], decodes: list[float]) -> float:
    """Return the cost of the last tenth of the finished jobs as a multiple of the first tenth's after a day.

    Each is taken beside bare decoding of the same records just before it: a machine's pace changes over a minute.
    """
    tenth = max(1, len(folds[DAY:-1]) // 10)
    first, last = slice(DAY, DAY + tenth), slice(-1 - tenth, -1)
    return (sum(folds[last]) / sum(decodes[last])) / (sum(folds[first]) / sum(decodes[first]))


if __name__ == "__main__":
    main()
