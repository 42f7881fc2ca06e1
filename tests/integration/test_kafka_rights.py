"""The rights of bot, web and worker in Kafka, on a broker with a user for each."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from prompt2pic.core.errors import LogUnavailable
from prompt2pic.core.ledger import Frontier
from prompt2pic.core.marks import Mark, commit_of
from prompt2pic.core.ports import Log, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, FRONTIER_GROUP, SETTINGS, WORKERS
from prompt2pic.settings import Settings
from prompt2pic.topics import Asked, topics
from prompt2pic.wiring import TOPICS, build_log
from tests.conformance.log_suite import read_all
from tests.servers.kafka import ADMIN, Kafka, kafka
from tests.servers.owner import environment, examined, settings_of
from tests.servers.ports import free_port
from tests.servers.service import eventually

USERS = {name: f"the-{name}s-word" for name in (ADMIN, "bot", "web", "worker", "nobody")}
PREFIX = "prompt2pic."


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker behind TLS, passwords and rights."""
    with kafka(tmp_path_factory.mktemp("kafka"), users=USERS) as server:
        yield server


@pytest.fixture(scope="module")
def folder(guarded: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the topics and give the rights, as their owner would; return a data folder."""
    folder = tmp_path_factory.mktemp("data")
    file = folder / "acl.toml"
    file.write_text('bot = "User:bot"\nweb = "User:web"\nworker = "User:worker"\n')
    settings = settings_of(guarded, folder, PREFIX)
    fine, _ = topics(settings, Asked(check=True), file, json=False)
    assert not fine
    fine, lines = topics(settings, Asked(partitions=2), file, json=False)
    assert fine
    assert any(line.startswith("✓ User:worker may now write the topics") for line in lines)
    fine, lines = topics(settings, Asked(check=True), file, json=False)
    assert fine
    assert not any("User:" in line for line in lines)
    return folder


@pytest.fixture
def as_user(guarded: Kafka, folder: Path) -> Callable[..., Settings]:
    """Return what makes the settings of a user."""

    def make(user: str, **properties: str) -> Settings:
        login = {"sasl_username": user, "sasl_password": USERS[user], **properties}
        return settings_of(guarded, folder, PREFIX, **login)

    return make


@pytest.mark.parametrize(
    ("user", "writes"),
    [
        ("bot", {REQUESTS, RESULTS, SETTINGS}),
        ("web", {REQUESTS, RESULTS, SETTINGS}),
        ("worker", {RESULTS, WORKERS, DEAD_LETTERS}),
    ],
)
def test_each_may_do_its_work_and_no_more(
    as_user: Callable[..., Settings], user: str, writes: set[str]
) -> None:
    """All read all; each writes what its role writes, and only the worker commits the frontier."""
    with closing(build_log(as_user(user))) as log:
        assert {topic for topic in TOPICS if may_write(log, topic)} == writes
        assert all(read_all(log, Place(topic, 0)) for topic in writes)
        log.committed(FRONTIER_GROUP)
        mark = commit_of(Mark(Frontier(), 0, 0))
        if user == "worker":
            log.commit(FRONTIER_GROUP, {Place(REQUESTS, 0): mark})
            return
        with pytest.raises(LogUnavailable) as caught:
            log.commit(FRONTIER_GROUP, {Place(REQUESTS, 0): mark})
        assert caught.value.key == "log-kafka-rights"


TOKEN = {
    "sasl_mechanism": "OAUTHBEARER",
    "enable_sasl_oauthbearer_unsecure_jwt": "true",
    "sasl_oauthbearer_config": "principal=worker",
}


@pytest.mark.parametrize("way", [{"sasl_mechanism": "PLAIN"}, TOKEN], ids=["plain", "oauthbearer"])
def test_other_ways_to_log_in(as_user: Callable[..., Settings], way: Mapping[str, str]) -> None:
    """With a plain password, and with a token, a user reads, writes, commits and may do no more than with SCRAM."""
    with closing(build_log(as_user("worker", **way))) as log:
        assert {topic for topic in TOPICS if may_write(log, topic)} == {RESULTS, WORKERS, DEAD_LETTERS}
        assert read_all(log, Place(RESULTS, 0))
        log.commit(FRONTIER_GROUP, {Place(REQUESTS, 0): commit_of(Mark(Frontier(), 0, 0))})
        assert Place(REQUESTS, 0) in log.committed(FRONTIER_GROUP)
    assert [line for fine, line in examined(as_user("worker", **way), "worker") if not fine] == []


def test_a_picture_is_painted(as_user: Callable[..., Settings]) -> None:
    """Web and worker, each under its own user, take a request in and paint it, and the doctor finds both well."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    with ExitStack() as running:
        running.enter_context(process("worker", as_user("worker"), PAINTER="stub:0.2"))
        running.enter_context(process("web", as_user("web"), PORT=str(port)))
        eventually(lambda: answers(f"{address}/readyz"), "the page is not ready")
        job = httpx.post(f"{address}/v1/jobs", json={"prompt": "a cat"}, timeout=30).json()["id"]
        eventually(
            lambda: httpx.get(f"{address}/v1/jobs/{job}", timeout=30).json()["status"] == "succeeded",
            "no picture is painted",
        )
        lines = examined(as_user("worker"), "worker")
        assert [line for fine, line in lines if not fine] == []
        assert any("clock and the log's are 0" in line for _, line in lines)  # by the worker's next sign
        assert any("asked for 0 h ago" in line for _, line in lines)


@pytest.mark.parametrize("role", ["bot", "web"])
def test_the_doctor_finds_each_well(as_user: Callable[..., Settings], role: str) -> None:
    """Each user has what its role needs, also for the doctor itself."""
    lines = examined(as_user(role), role)
    assert [line for fine, line in lines if not fine] == []
    assert any(line.endswith("as: bot, web.") for _, line in examined(as_user(role)))


def test_the_doctor_misses_rights(as_user: Callable[..., Settings]) -> None:
    """One who is to be another, or has no rights at all, is told which are missing."""
    (line,) = [line for fine, line in examined(as_user("web"), "worker") if not fine]
    assert "(write workers, write dead-letters)" in line
    lines = examined(as_user("nobody"))
    assert not any(fine for fine, _ in lines[1:])
    assert "does not give this program's user the rights" in lines[1][1]


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"sasl_password": "mistyped"}, "does not know this user with this password"),
        (
            {"sasl_mechanism": "PLAIN", "sasl_password": "mistyped"},
            "does not know this user with this password",
        ),
        ({"sasl_mechanism": "SCRAM-SHA-512"}, "does not take this way to log in"),
        ({"ssl_ca_location": ""}, "is not trusted"),
        ({"security_protocol": "SASL_PLAINTEXT"}, "One side speaks TLS"),
    ],
)
def test_the_doctor_says_why_it_is_not_let_in(
    as_user: Callable[..., Settings], properties: Mapping[str, str], word: str
) -> None:
    """A wrong password, way, certificate or protocol is each a sentence of its own, without the password."""
    ((fine, line),) = examined(as_user("web", **properties))
    assert not fine
    assert word in line
    assert "mistyped" not in line


def may_write(log: Log, topic: str) -> bool:
    """Say whether a record is taken; it is one that changes nothing."""
    try:
        log.append(Place(topic, 0), "nothing", b'{"type":"nothing"}')
    except LogUnavailable as problem:
        if problem.key != "log-kafka-rights":
            raise
        return False
    return True


def answers(address: str) -> bool:
    """Say whether a page is there."""
    try:
        return httpx.get(address, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def process(command: str, settings: Settings, **others: str) -> Iterator[None]:
    """Run a process of ours; what it says goes to a file in the data folder."""
    with (settings.data / f"{command}.log").open("wb") as told:
        running = subprocess.Popen(
            [sys.executable, "-m", "prompt2pic", command],
            env=environment(settings, **others),
            stdout=told,
            stderr=told,
            cwd=settings.data,
        )
    try:
        yield
    finally:
        running.terminate()
        running.wait(30)
