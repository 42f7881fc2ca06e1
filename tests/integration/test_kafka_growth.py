"""A real log gets more partitions while people ask: nothing is lost, nothing is painted twice."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from prompt2pic.core.events import Finished, JobEvent
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import SETTINGS, Reader
from prompt2pic.core.requests import partition_of
from prompt2pic.core.rules import PARTITIONS_KEY, encode_partitions
from prompt2pic.log.kafka import KafkaLog, create_topics
from prompt2pic.log.topics import TopicConfig
from prompt2pic.wiring import TOPICS
from tests.servers.kafka import Kafka, kafka
from tests.servers.service import Service

FEW, MANY = 3, 6
PEOPLE = [f"person {n}" for n in range(12)]
ROUNDS = 6  # requests of each person
PREFIX = "grows."


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker with a log of three partitions."""
    with kafka(tmp_path_factory.mktemp("kafka")) as server:
        wide = {topic: TopicConfig(FEW) for topic in (REQUESTS, RESULTS)}
        create_topics(AdminClient({"bootstrap.servers": server.servers}), PREFIX, TOPICS | wide, 1)
        yield server


@pytest.fixture
def services(broker: Kafka, tmp_path: Path) -> Iterator[list[Service]]:
    """Two of everything, which share the log and the pictures."""
    settings = {
        "painter": "stub:0.05",
        "log": f"kafka://{broker.servers}",
        "topic_prefix": PREFIX,
        "store": f"file://{tmp_path}/pictures",
    }
    one = Service(tmp_path / "one", worker_name="one", **settings)
    with one, Service(tmp_path / "other", worker_name="other", **settings) as other:
        yield [one, other]


def grow(broker: Kafka, log: KafkaLog) -> None:
    """Add partitions to the topics, and tell everybody."""
    admin = AdminClient({"bootstrap.servers": broker.servers})
    wanted = [NewPartitions(PREFIX + topic, MANY) for topic in (RESULTS, REQUESTS)]
    for future in admin.create_partitions(wanted).values():
        future.result()
    time.sleep(1)  # longer than some, and shorter than others, take to see them
    log.append(Place(SETTINGS, 0), PARTITIONS_KEY, encode_partitions(MANY))


def ask_twice(services: list[Service], person: str, key: int) -> str:
    """Ask both web processes for the same at once and return the job's id."""

    def ask(service: Service) -> str:
        body, headers = {"prompt": "кот", "user": person}, {"Idempotency-Key": f"key {key}"}
        answer = service.call("POST", "/v1/jobs", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(len(services)) as pool:
        (job,) = set(pool.map(ask, services))
    return job


def ask_for_a_while(services: list[Service]) -> dict[str, str]:
    """Have everybody ask, round by round; return who asked for which job."""
    asked = {}
    with ThreadPoolExecutor(4) as pool:
        for number in range(ROUNDS):
            jobs = pool.map(lambda person, key=number: ask_twice(services, person, key), PEOPLE)  # type: ignore[misc]
            asked.update(zip(jobs, PEOPLE, strict=True))
            time.sleep(0.5)
    return asked


def folded(log: KafkaLog) -> tuple[Counter[str], Counter[str], dict[int, int]]:
    """Return how often each id arrived and finished, and the number of jobs of each partition."""
    arrived: Counter[str] = Counter()
    finished: Counter[str] = Counter()
    places: Counter[int] = Counter()

    def heard(job: Job, event: JobEvent | None) -> None:
        if event is None:
            arrived[job.id] += 1
            places[job.partition] += 1
        elif isinstance(event, Finished):
            finished[job.id] += 1

    with closing(Reader(log, from_frontier=False, rebuilt=lambda new: None)) as reader:
        reader.queue.listeners.append(heard)
        while not reader.ready:
            reader.pump(1.0)
    return arrived, finished, places


def test_partitions_are_added_under_load(broker: Kafka, services: list[Service]) -> None:
    """Asked of two web processes at once: every request ends, each once, and new ones go to new partitions."""
    with closing(KafkaLog(f"kafka://{broker.servers}", TOPICS, prefix=PREFIX)) as log:
        growing = Thread(target=lambda: (time.sleep(1.5), grow(broker, log)))
        growing.start()
        asked = ask_for_a_while(services)
        growing.join()
        moved = [person for person in PEOPLE if partition_of(person, FEW) != partition_of(person, MANY)]
        asked |= {ask_twice(services, person, ROUNDS): person for person in moved}
        for number, (job, person) in enumerate(asked.items()):
            assert services[number % 2].ended(job, person)["status"] == "succeeded"
        arrived, finished, places = folded(log)
    once = Counter(dict.fromkeys(asked, 1))
    assert (arrived, finished) == (once, once)
    assert any(places[partition] for partition in range(FEW, MANY))
