"""The topics of a trial over Kafka."""

import secrets

from confluent_kafka.admin import AdminClient

from prompt2pic.log.kafka import create_topics
from prompt2pic.wiring import TOPICS
from tests.servers.kafka import Kafka

PARTITIONS = 3  # of requests and results


def make_topics(cluster: Kafka) -> str:
    """Make a trial's topics, each on as many brokers as may be, and return what their names begin with."""
    prefix = f"trial-{secrets.token_hex(4)}."
    admin = AdminClient({"bootstrap.servers": cluster.servers})
    wide = {name: TOPICS[name]._replace(partitions=PARTITIONS) for name in ("requests", "results")}
    create_topics(admin, prefix, TOPICS | wide, min(3, len(cluster.brokers)))
    return prefix
