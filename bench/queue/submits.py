"""How fast requests are accepted over Kafka on three partitions: the submitter of one web process, without HTTP.

python -m bench.queue.submits [--requests 5000]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.figures import figure
from bench.queue.ours import PARTITIONS, new_topics
from prompt2pic.core.asks import Ask, Limits
from prompt2pic.core.quality import Targets
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.person import Person
from prompt2pic.edge.shelf import Shelf
from prompt2pic.edge.submit import Submitter
from prompt2pic.log.kafka import KafkaLog
from prompt2pic.ops.logs import configure_logs
from prompt2pic.ops.metrics import Metrics
from prompt2pic.wiring import TOPICS
from tests.servers.kafka import kafka

PEOPLE = 500
AT_ONCE = 64
GOAL = 500  # a second
LIMITS = Limits(waiting=10**6, day=10**6)


def main() -> None:
    """Print the time of five hundred submits, each confirmed only when it was read back from the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    requests = parser.parse_args().requests
    configure_logs("error")
    with tempfile.TemporaryDirectory() as name, kafka(Path(name)) as broker:
        log = KafkaLog(f"kafka://{broker.servers}", TOPICS, prefix=new_topics(broker.servers))
        with closing(log):
            one, many = (asyncio.run(spent(log, Path(name) / f"{n}", requests, n)) for n in (1, AT_ONCE))
    what = f"{GOAL} submits on {PARTITIONS} partitions by one submitter, {AT_ONCE} at once"
    beside = f"{requests / many:,.0f} a second over {requests:,}; one after the other {requests / one:,.0f}"
    figure(what, many / requests * GOAL, "s", limit=1, beside=beside)


async def spent(log: KafkaLog, shelf: Path, requests: int, at_once: int) -> float:
    """Return the seconds in which so many requests of many people are confirmed."""
    hub = Hub(log, Shelf(shelf, log.identity()), Metrics(), Targets(), lambda problem: None)
    async with hub.running():
        submitter = Submitter(hub, LIMITS, Metrics())
        numbers = iter(range(requests))
        began = time.perf_counter()
        await asyncio.gather(*(_submit(submitter, numbers) for _ in range(at_once)))
        return time.perf_counter() - began


async def _submit(submitter: Submitter, numbers: Iterator[int]) -> None:
    for number in numbers:
        person = Person(name=f"api:{number % PEOPLE}", language="en")
        await submitter.submit(person, Ask(prompt="a red cat " * 6), None)


if __name__ == "__main__":
    main()
