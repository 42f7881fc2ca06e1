"""What the queue over Kafka adds to a picture, over HTTP, against four bare acknowledged produces.

python -m bench.queue.overhead [--requests 200] [--brokers 1]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from bench.figures import figure
from bench.overhead import APPENDS, PAINTING, overheads, quantile, timed
from bench.queue.ours import new_topics
from tests.servers.kafka import kafka
from tests.servers.service import Service

TOPIC = "bare"


def main() -> None:
    """Print the overhead's p95 and median beside the reference of the same run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--brokers", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, kafka(Path(name), asked.brokers) as cluster:
        admin = AdminClient({"bootstrap.servers": cluster.servers})
        admin.create_topics([NewTopic(TOPIC, 1, asked.brokers)])[TOPIC].result()
        log = {
            "log": f"kafka://{cluster.servers}",
            "topic_prefix": new_topics(cluster.servers, asked.brokers),
        }
        bare = [four_produces(cluster.servers) for _ in range(3)]
        with Service(Path(name) / "data", painter=f"stub:{PAINTING}", quota_day="100000", **log) as service:
            spent = overheads(service, asked.requests)
        bare += [four_produces(cluster.servers) for _ in range(3)]
        paused = four_produces(cluster.servers, PAINTING)
    reference = statistics.median(bare) * 1000
    after = f"after {PAINTING * 1000:.0f} ms of rest each {paused * 1000:.2f} ms"
    beside = f"four bare acknowledged produces at a stretch: {reference:.2f} ms ({after})"
    what = f"overhead of a picture over HTTP and Kafka ({asked.brokers} broker{'s' * (asked.brokers > 1)})"
    p95, goal = quantile(spent, 0.95) * 1000, 3 * reference + 10
    figure(f"{what}, p95", p95, "ms", limit=goal, beside=beside)
    figure("the same, median", statistics.median(spent) * 1000, "ms", beside=beside)


def four_produces(servers: str, rest: float = 0.0) -> float:
    """Return the median seconds of four records, each acknowledged before the next, after some seconds of rest."""
    options = {"enable.idempotence": True, "acks": "all", "linger.ms": 0}
    producer = Producer({"bootstrap.servers": servers, **options})

    def produce() -> None:
        producer.produce(TOPIC, b"x" * 300)
        producer.flush()

    def rested() -> float:
        time.sleep(rest)
        return timed(produce)

    produce()
    return statistics.median(sum(rested() for _ in range(APPENDS)) for _ in range(20 if rest else 200))


if __name__ == "__main__":
    main()
