"""The log in Kafka: the suite of all logs, on one broker and on three, and what can befall brokers."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from prompt2pic.core.errors import AppendUnknown, LogTruncated, LogUnavailable, Problem
from prompt2pic.core.ports import Commit, Follower, Log, Place
from prompt2pic.log.kafka import KafkaLog, create_topics
from prompt2pic.log.topics import TopicConfig
from tests.conformance.log_suite import (
    EVENTS,
    FIRST,
    LATEST,
    NEWEST,
    PATIENCE,
    LogSuite,
    OpenLog,
    poll_until_it_fails,
    read_all,
    take,
    values,
)
from tests.servers.kafka import ADMIN, Kafka, kafka

GIVES_UP = 15.0  # seconds after which an append has ended one way or the other
USERS = {ADMIN: "the-admins-word", "writer": "the-writers-word", "nobody": "nobodys-word"}
TOPICS = {EVENTS: TopicConfig(partitions=2), LATEST: TopicConfig(compacted=True)}


def open_log(servers: str, prefix: str, properties: dict[str, str]) -> KafkaLog:
    """Open a log with the suite's topics."""
    return KafkaLog(f"kafka://{servers}", TOPICS, prefix=prefix, properties=properties)


class KafkaHarness:
    """Topics of their own on a cluster that tests share."""

    def __init__(self, server: Kafka, properties: dict[str, str] | None = None) -> None:
        self.server = server
        self.prefix = f"test-{secrets.token_hex(4)}."
        self.open: OpenLog = partial(open_log, server.servers, self.prefix, properties or server.client)
        self._admin = AdminClient({"bootstrap.servers": server.servers, **server.client})
        self._create()

    def lose_records(self) -> None:
        """Make the topics anew."""
        for future in self._admin.delete_topics([self.prefix + name for name in TOPICS]).values():
            future.result()
        self._create()

    def expire(self, place: Place) -> None:
        """Delete all records."""
        partition = TopicPartition(self.prefix + place.topic, place.partition, OFFSET_END)
        self._admin.delete_records([partition])[partition].result()

    def leader(self, place: Place) -> int:
        """Return the number of the broker that leads a place."""
        topic = self.prefix + place.topic
        return int(self._admin.list_topics(topic).topics[topic].partitions[place.partition].leader)

    def _create(self) -> None:
        create_topics(self._admin, self.prefix, TOPICS, min(3, len(self.server.brokers)))


@pytest.fixture(scope="class")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Three brokers that the tests of a class share."""
    with kafka(tmp_path_factory.mktemp("kafka"), brokers=3) as server:
        yield server


@pytest.fixture(scope="class")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker behind TLS and passwords that the tests of a class share."""
    with kafka(tmp_path_factory.mktemp("kafka"), users=USERS) as server:
        yield server


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker that tests share."""
    with kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


class TestOneBroker(LogSuite):
    """The suite, on one broker."""

    @pytest.fixture
    def harness(self, broker: Kafka) -> KafkaHarness:
        """Make a log of the suite."""
        return KafkaHarness(broker)

    def test_identity(self, harness: KafkaHarness, log: Log) -> None:
        """Every opening of a log has its name; topics made anew are another log."""
        with closing(harness.open()) as other:
            assert other.identity() == log.identity()
        before = log.identity()
        harness.lose_records()
        assert log.identity() != before

    def test_made_anew_and_filled(self, harness: KafkaHarness, log: Log, follower: Follower) -> None:
        """A follower notices that a topic is another one, though that is longer than what was read."""
        log.append(FIRST, "key", b"lost")
        assert len(take(follower, 1)) == 1
        harness.lose_records()
        with closing(harness.open()) as other:
            for number in range(5):
                other.append(FIRST, "key", str(number).encode())
        with pytest.raises(LogTruncated):
            poll_until_it_fails(follower)


def append_until_it_works(log: Log, value: bytes) -> int:
    """Append again and again while brokers come back; return the offset."""
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        try:
            return log.append(FIRST, "key", value)
        except (LogUnavailable, AppendUnknown):
            assert time.monotonic() < deadline


def recover(follower: Follower, count: int) -> list[bytes]:
    """Return the next records while brokers come back."""
    deadline = time.monotonic() + 2 * PATIENCE
    found: list[bytes] = []
    while len(found) < count and time.monotonic() < deadline:
        try:
            found += values(follower.poll(1.0))
        except LogUnavailable:
            time.sleep(0.1)
    return found


class TestBrokerAway:
    """One broker that goes and comes back."""

    @pytest.fixture
    def harness(self, broker: Kafka) -> Iterator[KafkaHarness]:
        """Make a log, and leave the broker up."""
        yield KafkaHarness(broker)
        broker.broker(1).resume()
        if not broker.broker(1).runs:
            broker.broker(1).start()
            broker.wait()

    def test_away_and_back(self, broker: Kafka, harness: KafkaHarness) -> None:
        """Without its broker nothing waits for ever, each call says so; with it the same log works on."""
        with closing(harness.open()) as log, closing(log.follow({FIRST: 0})) as follower:
            assert log.append(FIRST, "key", b"0") == 0
            assert values(take(follower, 1)) == [b"0"]
            broker.broker(1).stop()
            begun = time.monotonic()
            with pytest.raises((AppendUnknown, LogUnavailable)) as caught:
                log.append(FIRST, "key", b"1")
            assert time.monotonic() - begun < GIVES_UP
            assert caught.value.key in ("append-unknown", "log-kafka-away")
            with pytest.raises(LogUnavailable) as away:
                poll_until_it_fails(follower)
            assert away.value.key == "log-kafka-away"
            assert log.partitions(EVENTS) == 2
            broker.broker(1).start()
            offset = append_until_it_works(log, b"2")
            assert recover(follower, offset)[-1] == b"2"
            assert [record.offset for record in read_all(log, FIRST)] == list(range(offset + 1))

    def test_restart_under_a_follower(self, broker: Kafka, harness: KafkaHarness) -> None:
        """A follower sees each record once, in order, over a broker that is killed and started again."""
        with closing(harness.open()) as log, closing(log.follow({FIRST: 0})) as follower:
            for number in range(5):
                log.append(FIRST, "key", str(number).encode())
            seen = values(take(follower, 5, limit=2))
            broker.broker(1).kill()
            broker.broker(1).start()
            append_until_it_works(log, b"after")
            while seen[-1] != b"after":
                seen += recover(follower, 1)
            assert seen[:5] == [b"0", b"1", b"2", b"3", b"4"]
            assert set(seen[5:]) == {b"after"}

    def test_hung(self, broker: Kafka, harness: KafkaHarness) -> None:
        """A broker that takes a record and never answers leaves it unknown; it may be there later, once."""
        with closing(harness.open()) as log, closing(log.follow({FIRST: 0})) as follower:
            log.append(FIRST, "key", b"0")
            assert values(take(follower, 1)) == [b"0"]
            broker.broker(1).pause()
            begun = time.monotonic()
            with pytest.raises(AppendUnknown):
                log.append(FIRST, "key", b"1")
            assert time.monotonic() - begun < GIVES_UP
            with pytest.raises(LogUnavailable) as away:
                poll_until_it_fails(follower)
            assert away.value.key == "log-kafka-away"
            broker.broker(1).resume()
            append_until_it_works(log, b"2")
            held = values(read_all(log, FIRST))
            assert held in ([b"0", b"2"], [b"0", b"1", b"2"])

    def test_away_at_the_start(self, broker: Kafka, harness: KafkaHarness) -> None:
        """A log whose cluster does not answer is not opened, and the sentence says why."""
        broker.broker(1).kill()
        begun = time.monotonic()
        with pytest.raises(LogUnavailable) as caught:
            harness.open()
        assert caught.value.key == "log-kafka-away"
        assert "refused" in str(caught.value)
        assert time.monotonic() - begun < GIVES_UP


class TestOpening:
    """What is wrong is said in a sentence."""

    def refusal(self, broker: Kafka, **properties: str) -> Problem:
        """Return the error with which a log is not opened."""
        given = {name.replace("_", "."): value for name, value in properties.items()}
        with pytest.raises(Problem) as caught:
            open_log(broker.servers, "none.", given)
        return caught.value

    def test_topics_are_missing(self, broker: Kafka) -> None:
        """Topics that nobody made are named."""
        problem = self.refusal(broker)
        assert problem.key == "log-topics-missing"
        assert problem.args_by_name["topics"] == "none.events, none.latest"

    def test_unknown_property(self, broker: Kafka) -> None:
        """A property that librdkafka does not have is named."""
        problem = self.refusal(broker, no_such_property="SSL")
        assert problem.key == "log-kafka-setting-wrong"
        assert "no.such.property" in str(problem)

    def test_wrong_value(self, broker: Kafka) -> None:
        """A value that librdkafka does not take is named."""
        assert "nonsense" in str(self.refusal(broker, security_protocol="nonsense"))

    def test_fixed_property(self, broker: Kafka) -> None:
        """What the queue rests on can not be set to anything else."""
        problem = self.refusal(broker, acks="1")
        assert problem.key == "log-kafka-setting-fixed"
        assert problem.args_by_name == {"name": "PROMPT2PIC_KAFKA_ACKS"}


class TestThreeBrokers(LogSuite):
    """The suite on three brokers, and one that is lost."""

    @pytest.fixture
    def harness(self, cluster: Kafka) -> KafkaHarness:
        """Make a log of the suite."""
        return KafkaHarness(cluster)

    def test_leader_killed(self, cluster: Kafka, harness: KafkaHarness, log: Log) -> None:
        """kill -9 of a partition's leader under appends loses nothing acknowledged, and offsets stay dense."""
        acknowledged: dict[int, bytes] = {}
        unknown: set[bytes] = set()
        ending = threading.Event()

        def write(name: str) -> None:
            for number in range(100_000):
                if ending.is_set():
                    return
                value = f"{name} {number}".encode()
                try:
                    acknowledged[log.append(FIRST, name, value)] = value
                except AppendUnknown:
                    unknown.add(value)
                except LogUnavailable:
                    pass

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        with closing(log.follow({FIRST: 0})) as follower:
            for thread in threads:
                thread.start()
            seen = take(follower, 50)
            leader = cluster.broker(harness.leader(FIRST))
            leader.kill()
            before = len(acknowledged)
            wait_until(lambda: len(acknowledged) > before + 200)
            leader.start()
            cluster.wait()
            before = len(acknowledged)
            wait_until(lambda: len(acknowledged) > before + 200)
            ending.set()
            for thread in threads:
                thread.join()
            end = log.bounds(FIRST)[1]
            seen += take(follower, end - len(seen))
        held = {record.offset: record.value for record in seen}
        assert sorted(held) == [record.offset for record in seen] == list(range(end))
        assert {offset: held[offset] for offset in acknowledged} == acknowledged
        assert set(held.values()) - set(acknowledged.values()) <= unknown
        assert len(set(held.values())) == end  # nothing was written twice

    def test_too_few_replicas(self, cluster: Kafka, harness: KafkaHarness, log: Log) -> None:
        """With two of three brokers gone nothing is acknowledged; with them back all is as before."""
        log.append(FIRST, "key", b"0")
        leader = harness.leader(FIRST)
        others = [broker for broker in cluster.brokers if broker.number != leader]
        for broker in others:
            broker.kill()
        begun = time.monotonic()
        with pytest.raises((AppendUnknown, LogUnavailable)):
            log.append(FIRST, "key", b"1")
        assert time.monotonic() - begun < GIVES_UP
        for broker in others:
            broker.start()
        offset = append_until_it_works(log, b"2")
        held = values(read_all(log, FIRST))
        assert len(held) == offset + 1
        assert (held[0], held[-1]) == (b"0", b"2")


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + 2 * PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def allow(server: Kafka, user: str, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    """Give a user rights on all topics or groups whose names begin so."""
    admin = AdminClient({"bootstrap.servers": server.servers, **server.client})
    rules = [
        AclBinding(
            kind, name, ResourcePatternType.PREFIXED, f"User:{user}", "*", operation, AclPermissionType.ALLOW
        )
        for operation in operations
    ]
    for future in admin.create_acls(rules).values():
        future.result()


class TestGuarded:
    """A broker with TLS, passwords and rights."""

    @pytest.fixture
    def harness(self, guarded: Kafka) -> KafkaHarness:
        """Make a log that `writer` may read and write."""
        harness = KafkaHarness(guarded, self.as_user(guarded, "writer"))
        rights = (AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)
        allow(guarded, "writer", ResourceType.TOPIC, harness.prefix, *rights)
        allow(guarded, "writer", ResourceType.GROUP, harness.prefix, AclOperation.READ)
        allow(guarded, "nobody", ResourceType.TOPIC, harness.prefix, AclOperation.DESCRIBE)
        return harness

    def as_user(self, server: Kafka, user: str) -> dict[str, str]:
        """Return the properties with which a user logs in."""
        return {**server.client, "sasl.username": user, "sasl.password": USERS[user]}

    def test_all_of_it(self, harness: KafkaHarness) -> None:
        """A user with rights on these topics and groups alone appends, follows and commits."""
        with closing(harness.open()) as log, closing(log.follow({FIRST: 0, NEWEST: 0})) as follower:
            offset = log.append(FIRST, "key", b"value")
            log.append(NEWEST, "key", b"newest")
            assert sorted(values(take(follower, 2))) == [b"newest", b"value"]
            assert log.bounds(FIRST) == (0, offset + 1)
            log.commit("frontier", {FIRST: Commit(1, "metadata")})
            assert log.committed("frontier") == {FIRST: Commit(1, "metadata")}

    def test_no_rights(self, guarded: Kafka, harness: KafkaHarness) -> None:
        """A user without rights is told so by every call, and nothing is written."""
        properties = self.as_user(guarded, "nobody")
        with closing(open_log(guarded.servers, harness.prefix, properties)) as log:
            end = log.bounds(FIRST)[1]
            with pytest.raises(LogUnavailable) as caught:
                log.append(FIRST, "key", b"value")
            assert caught.value.key == "log-kafka-rights"
            with closing(log.follow({FIRST: 0})) as follower, pytest.raises(LogUnavailable) as caught:
                poll_until_it_fails(follower)
            assert caught.value.key == "log-kafka-rights"
            with pytest.raises(LogUnavailable) as caught:
                log.commit("frontier", {FIRST: Commit(1)})
            assert caught.value.key == "log-kafka-rights"
            assert log.bounds(FIRST)[1] == end

    def test_wrong_password(self, guarded: Kafka, harness: KafkaHarness) -> None:
        """A wrong password is told as one, without the password."""
        properties = {**self.as_user(guarded, "writer"), "sasl.password": "mistyped"}
        with pytest.raises(LogUnavailable) as caught:
            open_log(guarded.servers, harness.prefix, properties)
        assert caught.value.key == "log-kafka-login"
        assert "mistyped" not in str(caught.value)

    def test_unknown_certificate(self, guarded: Kafka, harness: KafkaHarness) -> None:
        """A broker whose certificate nobody vouches for is not trusted."""
        properties = self.as_user(guarded, "writer")
        del properties["ssl.ca.location"]
        with pytest.raises(LogUnavailable) as caught:
            open_log(guarded.servers, harness.prefix, properties)
        assert caught.value.key == "log-kafka-login"
