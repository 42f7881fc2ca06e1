"""How many of 64 idle workers in one process claim one request, and how soon one does.

python -m bench.queue.claims [--workers 64] [--requests 50]
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.figures import figure
from bench.queue.crowd import crowd
from bench.queue.ours import PARTITIONS, Ours, ours
from prompt2pic.core.events import Claimed, decode_event
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import RESULTS
from prompt2pic.ops.logs import configure_logs
from tests.servers.kafka import kafka

SECONDS = 0.2  # of a job
REST = 0.3  # seconds in which all workers see that they are idle again


def main() -> None:
    """Print the claims of a request on average and at most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--requests", type=int, default=50)
    asked = parser.parse_args()
    configure_logs("error")
    with (
        tempfile.TemporaryDirectory() as name,
        kafka(Path(name)) as broker,
        ours(broker.servers, Path(name), SECONDS) as queue,
        crowd(queue.log, asked.workers, SECONDS),
    ):
        while not queue.ready_for(asked.workers):
            pass
        spent = [asked_alone(queue, number) for number in range(asked.requests)]
        claims = claims_by_request(queue)
    what = f"claims of one request, {asked.workers} idle workers, mean of {asked.requests}"
    figure(what, statistics.mean(claims.values()), "", limit=2, beside=f"at most {max(claims.values())}")
    figure("from such a request to its end, less the painting, median", statistics.median(spent) * 1000, "ms")


def asked_alone(queue: Ours, number: int) -> float:
    """Ask for one job while nobody is busy; return the seconds until its end was read, less the painting."""
    time.sleep(REST)
    began = time.perf_counter()
    queue.ask(f"{number:08d}-0000-4000-8000-000000000000", number)
    while not queue.ends(0.05):
        pass
    return time.perf_counter() - began - SECONDS


def claims_by_request(queue: Ours) -> Counter[str]:
    """Count the `claimed` records of each request, also those that came too late."""
    places = [Place(RESULTS, partition) for partition in range(PARTITIONS)]
    ends = sum(queue.log.bounds(place)[1] for place in places)
    follower = queue.log.follow(dict.fromkeys(places, 0))
    claims: Counter[str] = Counter()
    while ends:
        records = follower.poll(1.0)
        ends -= len(records)
        events = [decode_event(record.value) for record in records]
        claims.update(event.request for event in events if isinstance(event, Claimed))
    follower.close()
    return claims


if __name__ == "__main__":
    main()
