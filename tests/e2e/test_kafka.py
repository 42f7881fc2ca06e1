"""The whole product over Kafka: the same page and workers, another log."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient

from prompt2pic.core.ports import Place
from prompt2pic.core.queue import RESULTS
from prompt2pic.log.kafka import KafkaLog, create_topics
from prompt2pic.log.topics import TopicConfig
from prompt2pic.wiring import TOPICS
from tests.conformance.log_suite import read_all
from tests.servers.kafka import Kafka, kafka
from tests.servers.service import Service, eventually

PARTITIONS = 2  # of requests and results, so that persons are spread


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker that tests share."""
    with kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def prefix(broker: Kafka) -> str:
    """Make the topics of one test and return what their names begin with."""
    prefix = f"test-{secrets.token_hex(4)}."
    wide = {"requests": TopicConfig(PARTITIONS), "results": TopicConfig(PARTITIONS)}
    create_topics(AdminClient({"bootstrap.servers": broker.servers}), prefix, TOPICS | wide, 1)
    return prefix


def ends_in_log(broker: Kafka, prefix: str) -> Counter[str]:
    """Count, straight from the topic, the `finished` records of each request."""
    with closing(KafkaLog(f"kafka://{broker.servers}", TOPICS, prefix=prefix)) as log:
        records = [record for n in range(PARTITIONS) for record in read_all(log, Place(RESULTS, n))]
    events = [msgspec.json.decode(record.value) for record in records]
    return Counter(event["request"] for event in events if event.get("type") == "finished")


def test_nothing_is_lost(broker: Kafka, prefix: str, tmp_path: Path) -> None:
    """Pictures are painted; what kill -9 of everything interrupts is painted after a restart, once each."""
    address = f"kafka://{broker.servers}"
    with Service(
        tmp_path / "data", painter="stub:0.5", workers=2, log=address, topic_prefix=prefix
    ) as service:
        first = service.ask()["id"]
        assert service.ended(first)["status"] == "succeeded"
        jobs = [service.ask(f"кот {n}", user=f"person {n % 3}", level="best")["id"] for n in range(8)]
        eventually(lambda: service.job(jobs[1], "person 1")["status"] == "succeeded", "nothing is painted")
        service.kill_everything()
        service.start()
        ended = [service.ended(job, f"person {n % 3}") for n, job in enumerate(jobs)]
        assert [job["status"] for job in ended] == ["succeeded"] * len(jobs)
        assert service.stop() == 0
        assert service.processes() == {}
    assert ends_in_log(broker, prefix) == Counter([first, *jobs])
