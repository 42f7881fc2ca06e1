"""Apache Kafka: one real broker, or a cluster of three, each in a process of its own."""

import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.servers.kafka_login import ADMIN, secured_client, security
from tests.servers.ports import free_ports

__all__ = ["ADMIN", "ASKING", "Broker", "Kafka", "faketime", "kafka"]

_SILENT = logging.getLogger("tests.servers.kafka")  # what librdkafka tells while brokers come up
_SILENT.setLevel(logging.CRITICAL)
# To every broker a connection: else librdkafka tries one that is away without a pause, and keeps a core busy.
ASKING = {"enable.sparse.connections": False}
_POM = Path(__file__).with_name("pom.xml")
_PATIENCE = 90.0  # seconds that a start may take on a busy machine
_JAVA = ("-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_LOGGING = """
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
"""
# A small server that forgets a dead broker quickly, as tests can not wait for long.
_COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "auto.create.topics.enable": "false",
    "auto.leader.rebalance.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controlled.shutdown.enable": "true",
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.index.size.max.bytes": "1048576",
    "num.io.threads": "2",
    "num.network.threads": "2",
    "offsets.topic.num.partitions": "2",
    "replica.lag.time.max.ms": "3000",
    "unclean.leader.election.enable": "false",
}


def faketime() -> Path | None:
    """Return the library that gives a process another clock, None where it is not installed."""
    places = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
    found = (path for place in places for path in Path("/").glob(f"{place[1:]}/libfaketime.so.1"))
    return next(found, None)


class Broker:
    """One node of a cluster, which can be stopped, killed and started again on the same files."""

    def __init__(self, folder: Path, number: int, port: int, libraries: Path) -> None:
        self.number = number
        self.address = f"127.0.0.1:{port}"
        self.output = folder / "broker.log"
        self.folder = folder
        self._libraries = libraries
        self._process: subprocess.Popen[bytes] | None = None

    def format(self, properties: Mapping[str, str], cluster: str, users: Mapping[str, str]) -> None:
        """Write its settings and make its folder one of the cluster."""
        self.folder.mkdir()
        (self.folder / "logging.properties").write_text(_LOGGING)
        lines = [f"{name}={value}" for name, value in properties.items()]
        (self.folder / "server.properties").write_text("\n".join(lines))
        scram = [f"SCRAM-SHA-256=[name={name},password={word}]" for name, word in users.items()]
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", "server.properties"]
        options = [word for one in scram for word in ("--add-scram", one)]
        done = subprocess.run(self._java(*tool, *options), cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, ahead: int = 0) -> None:
        """Start it, with a clock that is so many seconds `ahead`; it answers some seconds later."""
        clock = {"LD_PRELOAD": str(faketime()), "FAKETIME": f"+{ahead}s", "DONT_FAKE_MONOTONIC": "1"}
        environment = {**os.environ, **(clock if ahead else {})}
        with self.output.open("ab") as output:
            command = self._java("kafka.Kafka", "server.properties")
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """End it at once, as a loss of power does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as its owner would."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang, its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        try:
            self._process.wait(_PATIENCE / 3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _java(self, *words: str) -> list[str]:
        told = f"-Dlog4j2.configurationFile={self.folder / 'logging.properties'}"
        return ["java", *_JAVA, told, "-cp", f"{self._libraries}/*", *words]


class Kafka:
    """A cluster; `client` are librdkafka's properties with which `ADMIN` reaches it."""

    def __init__(self, brokers: list[Broker], client: Mapping[str, str]) -> None:
        self.brokers = brokers
        self.client = dict(client)

    @property
    def servers(self) -> str:
        """Return the addresses of all brokers, divided by commas."""
        return ",".join(broker.address for broker in self.brokers)

    def broker(self, number: int) -> Broker:
        """Return a broker by its number, from 1 on."""
        return self.brokers[number - 1]

    def wait(self) -> None:
        """Return when all brokers are up and a record is acknowledged by each of them."""
        deadline = time.monotonic() + _PATIENCE
        admin = AdminClient({"bootstrap.servers": self.servers, **ASKING, **self.client}, logger=_SILENT)
        while not self._answers(admin):
            gone = [broker.output for broker in self.brokers if not broker.runs]
            if gone or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka did not start:\n{self.logs()}")
            time.sleep(0.1)

    def _answers(self, admin: AdminClient) -> bool:
        everywhere = [[broker.number] for broker in self.brokers]
        name = f"ready-{secrets.token_hex(4)}"
        topic = NewTopic(name, num_partitions=len(everywhere), replica_assignment=everywhere)
        with suppress(KafkaException):
            # `describe_cluster` would end the process where a broker knows of none yet.
            if len(admin.list_topics(timeout=5).brokers) < len(self.brokers):
                return False
            admin.create_topics([topic], request_timeout=5)[name].result()
            options = {"bootstrap.servers": self.servers, "message.timeout.ms": "5000", **self.client}
            producer = Producer(options, logger=_SILENT)
            errors: list[object] = []
            for partition in range(len(everywhere)):
                report = lambda error, _message: errors.append(error)  # noqa: E731
                producer.produce(name, b"ready", partition=partition, on_delivery=report)
            producer.flush(10)
            admin.delete_topics([name])[name].result()
            # `==` of an error and None would leave an exception behind, which ends the next call in C.
            return len(errors) == len(everywhere) and all(error is None for error in errors)
        return False

    def logs(self) -> str:
        """Return the end of what each broker told."""
        return "\n".join(broker.output.read_text(errors="replace")[-4000:] for broker in self.brokers)


@contextmanager
def kafka(folder: Path, brokers: int = 1, users: Mapping[str, str] | None = None) -> Iterator[Kafka]:
    """Run a cluster with its files in `folder`, which are kept where a test fails.

    With `users`, their passwords by name, clients come over TLS, log in and may do what their ACLs allow; `ADMIN`,
    who must be one of them, may do everything.
    """
    libraries = _libraries()
    ports = free_ports(3 * brokers)
    nodes = [Broker(folder / str(n), n, ports[3 * n - 3], libraries) for n in range(1, brokers + 1)]
    client = secured_client(folder, users) if users else {}
    cluster = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=").replace("-", "A")
    for node in nodes:
        properties = _properties(node.number, ports, folder if users else None, users or {})
        node.format(properties, cluster, users or {})
    server = Kafka(nodes, client)
    try:
        for node in nodes:
            node.start()
        server.wait()
        yield server
    finally:
        for node in nodes:
            node.kill()  # asked politely it takes seconds, and its files are thrown away


def _properties(
    number: int, ports: list[int], secured: Path | None, users: Mapping[str, str]
) -> dict[str, str]:
    count = len(ports) // 3
    client, internal, controller = ports[3 * number - 3 : 3 * number]
    voters = ",".join(f"{n + 1}@127.0.0.1:{ports[3 * n + 2]}" for n in range(count))
    protocol = "SASL_SSL" if secured else "PLAINTEXT"
    copies = str(min(count, 3))
    return {
        **_COMMON,
        "node.id": str(number),
        "log.dirs": "data",
        "controller.quorum.voters": voters,
        "listeners": f"CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}",
        "listener.security.protocol.map": f"CLIENT:{protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "share.coordinator.state.topic.replication.factor": copies,
        **(security(secured, users) if secured else {}),
    }


def _libraries() -> Path:
    """Return the folder of Kafka's jars, fetched once and kept for all later tests."""
    for program, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            pytest.skip(f"no `{program}` here, which Kafka needs: apt-get install {package}")
    version = re.search(r"<kafka.version>(.+)</kafka.version>", _POM.read_text())
    assert version
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prompt2pic"
    libraries = cache / f"kafka-{version[1]}"
    if not libraries.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _download(Path(folder) / "jars")
            with suppress(OSError):  # another process was faster
                (Path(folder) / "jars").rename(libraries)
    return libraries


def _download(folder: Path) -> None:
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    command = ["mvn", "-q", "-B", "-f", str(_POM), *goal]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"Maven could not fetch Kafka:\n{(done.stdout + done.stderr)[-4000:]}"
