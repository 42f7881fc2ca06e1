"""How soon a worker is ready over Kafka with a million finished jobs in the log, one each five seconds.

The frontier that it starts at is committed as a reader of all of them does it: 25 hours behind the newest.

python -m bench.queue.start [--jobs 1000000]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import httpx
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from bench.figures import figure
from bench.fold import CHUNK, chunk, read
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.queue import REQUESTS, RESULTS, Queue
from prompt2pic.core.reader import FRONTIER_GROUP
from prompt2pic.log.kafka import KafkaLog, create_topics
from prompt2pic.log.kafka_keeper import Keeper
from prompt2pic.log.topics import TopicConfig
from prompt2pic.wiring import TOPICS
from tests.servers.kafka import kafka
from tests.servers.ports import free_port

FAST = {"enable.idempotence": True, "linger.ms": 20, "batch.size": 1_000_000}
FOR_EVER = {REQUESTS: TopicConfig(), RESULTS: TopicConfig()}  # the records are as if months old
TIMES = 3


def main() -> None:
    """Print the seconds from a worker's start until it is ready, beside those with an empty log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as name, kafka(Path(name)) as broker:
        new_topics(broker.servers, "empty.")
        new_topics(broker.servers, "full.")
        ahead = fill(broker.servers, "full.", jobs)
        folder = Path(name) / "worker"
        empty = statistics.median(started(broker.servers, "empty.", folder) for _ in range(TIMES))
        full = [started(broker.servers, "full.", folder) for _ in range(TIMES)]
    what = f"a worker's start with {jobs:,} finished jobs in Kafka, the slowest of {TIMES}"
    beside = f"with an empty log: {empty:.2f} s; {ahead:,} records are read, those of the last 25 hours"
    figure(what, max(full), "s", limit=5, beside=beside)


def new_topics(servers: str, prefix: str) -> None:
    """Make topics that take each record's own time."""
    create_topics(AdminClient({"bootstrap.servers": servers}), prefix, TOPICS | FOR_EVER, 1)
    keeper = Keeper(f"kafka://{servers}", prefix, {})
    for topic in FOR_EVER:
        keeper.change(topic, {"message.timestamp.type": "CreateTime"})


def fill(servers: str, prefix: str, jobs: int) -> int:
    """Write the records of finished jobs, commit the frontier, and return how many records are not before it."""
    producer, queue = Producer({"bootstrap.servers": servers, **FAST}), Queue({0: Frontier()})
    for first in range(0, jobs, CHUNK):
        records = list(chunk(first, min(CHUNK, jobs - first), jobs))
        produce(producer, prefix, records)
        read(queue, records)
    producer.flush()
    ledger = queue.ledgers[0]
    mark = Mark(ledger.frontier, ledger.next_request, ledger.next_result)
    with closing(KafkaLog(f"kafka://{servers}", TOPICS, prefix=prefix)) as log:
        ends = [log.bounds(Place(topic, 0))[1] for topic in FOR_EVER]
        if ends != [ledger.next_request, ledger.next_result]:
            raise RuntimeError(f"the log ends at {ends}")
        log.commit(FRONTIER_GROUP, {Place(REQUESTS, 0): commit_of(mark)})
    return sum(ends) - ledger.frontier.requests - ledger.frontier.results


def produce(producer: Producer, prefix: str, records: Iterable[Record]) -> None:
    """Hand records over, each with its own time."""
    for (topic, partition), _, key, value, timestamp in records:
        while True:
            try:
                producer.produce(prefix + topic, value, key.encode(), partition, timestamp=timestamp + 1)
                break
            except BufferError:
                producer.poll(0.1)
    producer.poll(0)


def started(servers: str, prefix: str, folder: Path) -> float:
    """Return the seconds until a worker says that it is ready; ends it again."""
    port = free_port()
    environment = {
        "PROMPT2PIC_LOG": f"kafka://{servers}",
        "PROMPT2PIC_TOPIC_PREFIX": prefix,
        "PROMPT2PIC_DATA": str(folder),
        "PROMPT2PIC_PAINTER": "stub:1",
        "PROMPT2PIC_METRICS_PORT": str(port),
        "PROMPT2PIC_LOG_LEVEL": "error",
    }
    began = time.perf_counter()
    command = [sys.executable, "-m", "prompt2pic", "worker", "--name", "starter"]
    with subprocess.Popen(command, env=os.environ | environment) as worker:
        while not ready(port):
            time.sleep(0.02)
        spent = time.perf_counter() - began
        worker.terminate()
    return spent


def ready(port: int) -> bool:
    """Whether the worker there has its model loaded and has read the log."""
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).is_success
    return False


if __name__ == "__main__":
    main()
