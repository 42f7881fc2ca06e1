"""Kafka's own ways: a consumer group, by the classic protocol or KIP-848's, and a share group (KIP-932).

Set up for jobs of seconds: three partitions for each worker, one record at a time, a commit after each, a session that
ends as soon as a broker allows. Jobs go to partitions by the hash of their ids, as producers do by themselves, or
(`even`) in turn, which is the best that anybody could do who knows that all jobs take equally long. A share group has
one partition, of which each member gets a record at a time.

python -m bench.queue.groups MODE SERVERS TOPIC SECONDS is one worker of such a group.
"""

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from confluent_kafka import Consumer, Message, Producer, ShareConsumer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

MODES = ("cooperative", "cooperative-even", "KIP-848", "share")
Work, Tell = Callable[[Message], None], Callable[[int], None]
SPREAD = 3  # partitions for each worker
SESSION = 6000  # ms after which a dead member is missed; the brokers' least


class Group:
    """Asks by producing to a topic, and reads the ends from another."""

    def __init__(self, mode: str, servers: str, seconds: float, workers: int) -> None:
        self._mode, self._servers, self._seconds = mode, servers, seconds
        self._topic = f"{mode.lower()}-{secrets.token_hex(4)}"
        self._partitions = 1 if mode == "share" else SPREAD * workers
        admin = AdminClient({"bootstrap.servers": servers})
        topics = [NewTopic(self._topic, self._partitions), NewTopic(f"{self._topic}-done", 1)]
        for future in admin.create_topics([*topics, NewTopic(f"{self._topic}-there", 1)]).values():
            future.result()
        if mode == "share":
            _set_up(admin, self._topic)
        self._producer = Producer({"bootstrap.servers": servers, "acks": "all", "linger.ms": 0})
        self._there, self._done = (self._follow(f"{self._topic}-{name}") for name in ("there", "done"))
        self._members: dict[str, int] = {}

    def commands(self, workers: int) -> list[tuple[list[str], dict[str, str]]]:
        """Return the command line and the environment of each worker."""
        self._workers = workers
        words = [self._mode, self._servers, self._topic, str(self._seconds)]
        return [([sys.executable, "-m", "bench.queue.groups", *words], {})] * workers

    def ready(self) -> bool:
        """Whether all workers wait for work: between them they have all partitions, where these are divided."""
        for value in _values(self._there, 0.1):
            name, _, partitions = value.partition(" ")
            self._members[name] = int(partitions)
        divided = self._mode == "share" or sum(self._members.values()) == self._partitions
        return len(self._members) == self._workers and divided and all(self._members.values())

    def ask(self, job: str, number: int) -> None:
        """Ask for a job."""
        partition = number % self._partitions if self._mode.endswith("-even") else -1
        self._producer.produce(self._topic, job, key=job, partition=partition)
        self._producer.flush()

    def ends(self, timeout: float) -> list[str]:
        """Return the jobs that were done since the last call, waiting for some up to `timeout` seconds."""
        return _values(self._done, timeout)

    def close(self) -> None:
        """Stop following."""
        self._there.close()
        self._done.close()

    def _follow(self, topic: str) -> Consumer:
        options = {"group.id": secrets.token_hex(8), "auto.offset.reset": "earliest"}
        consumer = Consumer({"bootstrap.servers": self._servers, **options})
        consumer.subscribe([topic])
        return consumer


@contextmanager
def group(mode: str, servers: str, seconds: float, workers: int) -> Iterator[Group]:
    """Lend a group over topics of its own."""
    with closing(Group(mode, servers, seconds, workers)) as contestant:
        yield contestant


def member(mode: str, servers: str, topic: str, seconds: float) -> None:
    """Be one worker of a group, for ever."""
    producer = Producer({"bootstrap.servers": servers, "acks": "all", "linger.ms": 0})
    name = secrets.token_hex(4)

    def tell(partitions: int) -> None:
        producer.produce(f"{topic}-there", f"{name} {partitions}")
        producer.flush()

    def work(message: Message) -> None:
        time.sleep(seconds)
        producer.produce(f"{topic}-done", message.value())
        producer.flush()

    if mode == "share":
        _share(servers, topic, work, tell)
    else:
        _consume(mode, servers, topic, work, tell)


def _consume(mode: str, servers: str, topic: str, work: Work, tell: Tell) -> None:
    options: dict[str, str | int | bool] = {"partition.assignment.strategy": "cooperative-sticky"}
    options |= {"session.timeout.ms": SESSION, "heartbeat.interval.ms": 2000}
    if mode == "KIP-848":
        options = {"group.protocol": "consumer"}
    options |= {"group.id": topic, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": servers, **options})

    def changed(consumer: Consumer, partitions: object) -> None:
        tell(len(consumer.assignment()))

    consumer.subscribe([topic], on_assign=changed, on_revoke=changed)
    told = -1
    while True:
        message = consumer.poll(0.2)
        if told != len(consumer.assignment()):
            told = len(consumer.assignment())
            tell(told)
        if message is not None and not message.error():
            work(message)
            consumer.commit(message, asynchronous=False)


def _share(servers: str, topic: str, work: Work, tell: Tell) -> None:
    options = {"share.acknowledgement.mode": "explicit", "max.poll.records": 1}
    consumer = ShareConsumer({"bootstrap.servers": servers, "group.id": topic, **options})
    consumer.subscribe([topic])
    consumer.poll(2.0)
    tell(1)
    while True:
        for message in consumer.poll(0.2):
            if not message.error():
                work(message)
                consumer.acknowledge(message)
                consumer.commit_sync()


def _set_up(admin: AdminClient, group: str) -> None:
    """Have a new share group begin at the first record, and give up a dead member's record soon."""
    settings = {"share.auto.offset.reset": "earliest", "share.record.lock.duration.ms": "15000"}
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()
    ]
    resource = ConfigResource(ConfigResource.Type.GROUP, group, incremental_configs=entries)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


def _values(consumer: Consumer, timeout: float) -> list[str]:
    messages = consumer.consume(1000, timeout)
    return [str(message.value(), "ascii") for message in messages if not message.error()]


if __name__ == "__main__":
    member(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
