"""Three brokers, three workers, two web replicas: whatever is killed, paused or deleted, each request ends once.

`FAULTS=1` runs these, `FAULTS=all` the one with two brokers away, too; `FAULT_SEED` tries another seed,
`python -m tests.chaos --kafka` plays for longer.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from prompt2pic.__main__ import TRY_AGAIN
from prompt2pic.core.events import Claimed, Delivered, Expired, Finished
from prompt2pic.core.ports import Record
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import FRONTIER_GROUP, Reader, now_ms
from prompt2pic.log.kafka import KafkaLog
from prompt2pic.wiring import TOPICS
from tests.chaos.checker import violations
from tests.chaos.courier import Courier
from tests.chaos.folds import digests
from tests.chaos.history import Absence, History, beliefs, counted, told
from tests.chaos.people import Accepted, ask_all
from tests.chaos.tape import KafkaTape
from tests.chaos.topics import make_topics
from tests.chaos.verdict import judge
from tests.servers.cut import far_end, possible
from tests.servers.fleet import Fleet
from tests.servers.kafka import Kafka, kafka
from tests.servers.service import eventually, free_port

pytestmark = pytest.mark.timeout(240)

pytestmark = pytest.mark.skipif(
    "FAULTS" not in os.environ,
    reason="minutes on three brokers, and more on a busy machine: FAULTS=1 runs them",
)
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
PAINTER = "stub:0.6"  # 0.3 s at fast, 0.45 at balanced, 0.6 at best
WORKERS = ("ann", "bob", "eve")
PEOPLE = 8
REQUESTED = 60  # over HTTP in each test
NOTIFIED = 6  # beside them, whose ends are to be delivered
LIMIT = 120.0  # seconds in which whatever was asked for has ended
ANSWERS = 25.0  # seconds in which a web replica answers while brokers are away
BLOCKED = 20.0  # seconds that an append may last once brokers are back
REFUSED = "nobody takes this"
A_DAY_AND_MORE = 26 * 3600 * 1000  # ms


class Field:
    """The cluster, all processes on it, and what they were asked for."""

    def __init__(self, cluster: Kafka, prefix: str, fleet: Fleet, tape: KafkaTape, log: KafkaLog) -> None:
        self.cluster = cluster
        self.prefix = prefix
        self.fleet = fleet
        self.tape = tape
        self.log = log
        self.courier = Courier(log)
        self.admin = AdminClient({"bootstrap.servers": cluster.servers})
        self.jobs: set[str] = set()
        self.absences: list[Absence] = []
        self._pool = ThreadPoolExecutor(2)

    def ask(self, wave: str, requests: int = REQUESTED, timeout: float = 6.0) -> "Wave":
        """Have many people begin to ask."""
        until = time.monotonic() + LIMIT
        asking = self._pool.submit(
            ask_all, self.fleet.addresses, requests, PEOPLE, SEED, until, f"{wave} ", timeout
        )
        notified = self._pool.submit(
            lambda: [self.courier.ask(f"chat-{n % 3}", f"{wave} {n}", until) for n in range(NOTIFIED)]
        )
        return Wave(asking, notified, until)

    def settle(self, wave: "Wave") -> None:
        """Return once everything has ended, and assert that all is as it must be."""
        accepted = wave.asking.result()
        mine = {job for theirs in accepted.jobs.values() for job in theirs.values()}
        self.jobs |= mine | set(wave.notified.result()) | self._refused()
        self.wait_for_ends(wave.until)
        records = self.tape.read()
        verdict = judge(records)
        assert verdict.stories.keys() == self.jobs, "accepted and kept are not the same"
        assert not verdict.orphans
        ends = [[end["type"] for end in story.ends] for story in verdict.stories.values()]
        assert ends == [["finished"]] * len(self.jobs)
        history = self.history(records)
        assert violations(history) == []
        assert set(self.courier.sent.values()) == {1}
        for entry in history.entries:
            if isinstance(entry.event, Finished):
                assert all((self.fleet.pictures / picture.key).is_file() for picture in entry.event.pictures)
        assert len(set(digests(self.log))) == 1, "readers differ"
        for address in self.fleet.addresses:
            self._shows(address, accepted)
        print(  # noqa: T201 - shown where a test fails, and with -s
            f"seed {SEED}: {len(mine)} accepted of {PEOPLE} people and {NOTIFIED} to be delivered;"
            f" {accepted.repeats} calls repeated, {accepted.refused} refused; in all {len(self.jobs)} ended once,"
            f" {len(verdict.turns)} claims counted, {verdict.late} records did not,"
            f" {len(history.beliefs)} beliefs, {len(history.absences)} absences"
        )

    def wait_for_ends(self, until: float) -> None:
        """Return once every request has ended and is delivered where it is to be."""
        while True:
            events = [entry.event for entry in counted(self.tape.read())]
            ends = {event.request: event for event in events if isinstance(event, Finished)}
            left = self.jobs - ends.keys()
            left |= {request for request, end in ends.items() if end.notify}.difference(
                event.request for event in events if isinstance(event, Delivered)
            )
            if not left:
                return
            assert time.monotonic() < until, (
                f"seed {SEED}: {sorted(left)[:3]} do not end\n{self.fleet.told()}"
            )
            time.sleep(0.5)

    def history(self, records: list[Record]) -> History:
        """Return who held what when, by all that is known."""
        believed = [
            belief
            for name, machine in self.fleet.workers.items()
            for belief in beliefs(told(machine.log.read_text(errors="replace")), records, name)
        ]
        absences = [*self.fleet.absences, *self.absences]
        return History(frozenset(self.jobs), counted(records), believed, absences, 1000 * time.time())

    def held(self) -> dict[str, str]:
        """Return who holds a job now, by the attempt."""
        holders: dict[str, Claimed] = {}
        for entry in counted(self.tape.read()):
            if isinstance(entry.event, Claimed):
                holders[entry.event.request] = entry.event
            elif isinstance(entry.event, Finished | Expired):
                holders.pop(entry.event.request, None)
        return {claim.attempt: claim.worker for claim in holders.values()}

    def brokers_away(self, action: Callable[[], None]) -> None:
        """Do what leaves brokers away, and bring those that died back after it."""
        since = 1000 * time.time()
        action()
        for broker in self.cluster.brokers:
            if not broker.runs:
                broker.start()
        eventually(self._whole, f"the brokers do not come back:\n{self.cluster.logs()}", LIMIT)
        self.absences.append(Absence("", since, 1000 * (time.time() + BLOCKED)))

    def _whole(self) -> bool:
        try:
            self.cluster.wait()
        except RuntimeError:  # a busy machine
            return False
        return True

    def restart_workers(self) -> None:
        """kill -9 every worker and start it again."""
        for name, machine in self.fleet.workers.items():
            self.fleet.kill(name)
            machine.start()

    def _refused(self) -> set[str]:
        """Return the requests that were refused as unknown and are in the log after all."""
        stories = judge(self.tape.read()).stories
        return {request for request, story in stories.items() if story.prompt == REFUSED}

    def _shows(self, address: str, accepted: Accepted) -> None:
        for person, theirs in accepted.jobs.items():
            page = httpx.get(f"{address}/v1/jobs", params={"user": person, "limit": 100}, timeout=20).json()
            shown = {job["id"]: job["status"] for job in page["data"]}
            assert {shown.get(job) for job in theirs.values()} == {"succeeded"}, (address, person)


class Wave:
    """What is being asked for; `until` is monotonic."""

    def __init__(self, asking: "Future[Accepted]", notified: "Future[list[str]]", until: float) -> None:
        self.asking = asking
        self.notified = notified
        self.until = until


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Three brokers, three workers, two web replicas, which the tests share, one after the other."""
    with ExitStack() as stack:
        cluster = stack.enter_context(kafka(tmp_path_factory.mktemp("kafka"), brokers=3))
        prefix = make_topics(cluster)
        folder = tmp_path_factory.mktemp("fleet")
        ports = [int(broker.address.rpartition(":")[2]) for broker in cluster.brokers]
        stack.enter_context(far_end(folder, ports))
        fleet = Fleet(
            folder,
            WORKERS,
            webs=2,
            far=WORKERS[-1] if possible() else "",
            ports=ports,
            log=f"kafka://{cluster.servers}",
            topic_prefix=prefix,
            painter=PAINTER,
            quota_waiting="1000",
            quota_day="100000",
            max_attempts="20",
        )
        stack.enter_context(fleet)
        tape = stack.enter_context(closing(KafkaTape(cluster.servers, prefix)))
        log = stack.enter_context(closing(KafkaLog(f"kafka://{cluster.servers}", TOPICS, prefix=prefix)))
        field = Field(cluster, prefix, fleet, tape, log)
        stack.enter_context(field.courier)
        yield field


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chances of a test's own, by the seed."""
    print(f"seed {SEED}")  # noqa: T201
    return random.Random(f"{SEED} {request.node.name}")


def test_workers_are_killed(field: Field, dice: random.Random) -> None:
    """kill -9 of a worker every few seconds: its jobs are painted by the others."""
    wave = field.ask("killed")
    for _ in range(4):
        time.sleep(1 + dice.random() * 2)
        name = dice.choice(WORKERS)
        field.fleet.kill(name)
        field.fleet.workers[name].start()
    field.settle(wave)


def test_a_worker_sleeps_past_its_lease(field: Field, dice: random.Random) -> None:
    """SIGSTOP of a worker that holds a job: another one paints it, and who wakes up harms nothing."""
    wave = field.ask("slept", REQUESTED // 2)
    loses_its_lease(field, wave, field.fleet.pause, field.fleet.wake, WORKERS[0])


def test_a_worker_is_cut_off(field: Field, dice: random.Random) -> None:
    """The line of a worker that holds a job is cut; what it had sent arrives after its lease, and harms nothing."""
    if not field.fleet.far:
        pytest.skip("no network namespaces here: `unshare -n` needs root")
    wave = field.ask("cut", REQUESTED // 2)
    loses_its_lease(field, wave, field.fleet.cut, field.fleet.mend, field.fleet.far)


def loses_its_lease(
    field: Field, wave: Wave, leave: Callable[[str], None], come_back: Callable[[str], None], whose: str
) -> None:
    """Have a worker leave while it holds a job, and come back after its lease."""

    def caught() -> str | None:
        attempt = next((attempt for attempt, name in field.held().items() if name == whose), None)
        if attempt is None:
            return None
        leave(whose)
        time.sleep(0.3)  # what it had sent is in the log by now
        if attempt in field.held():
            return attempt
        come_back(whose)
        return None

    attempt = eventually(caught, f"{whose} was not caught at work")
    eventually(lambda: expired(field, attempt), f"the lease of {whose} does not run out")
    come_back(whose)
    field.settle(wave)
    (lost,) = [one for one in field.history(field.tape.read()).beliefs if one.attempt == attempt]
    assert lost.until is not None, "it never let go"


def expired(field: Field, attempt: str) -> bool:
    """Whether the lease of an attempt ran out."""
    return any(
        isinstance(entry.event, Expired) and entry.event.token.attempt == attempt
        for entry in counted(field.tape.read())
    )


def test_a_leader_is_killed(field: Field, dice: random.Random) -> None:
    """kill -9 of the broker that leads a partition of the ledger, and it comes back: nothing is lost or doubled."""
    wave = field.ask("leader")
    time.sleep(2)
    topic = field.prefix + RESULTS
    partition = dice.randrange(3)
    leader = field.admin.list_topics(topic).topics[topic].partitions[partition].leader

    def lose_it() -> None:
        field.cluster.broker(leader).kill()
        time.sleep(6)

    field.brokers_away(lose_it)
    field.settle(wave)


@pytest.mark.skipif(
    os.environ.get("FAULTS") != "all", reason="takes minutes on two cores: FAULTS=all runs it"
)
def test_two_brokers_are_away(field: Field, dice: random.Random) -> None:
    """Below the minimum of in-sync replicas requests are refused in a sentence; those accepted are all painted."""
    wave = field.ask("two away", REQUESTED // 2, ANSWERS)
    time.sleep(1.5)
    body = {"prompt": REFUSED, "user": "late", "size": "128x128"}

    def ask(address: str) -> httpx.Response:
        return httpx.post(f"{address}/v1/jobs", json=body, timeout=LIMIT)

    with ThreadPoolExecutor(2) as pool:
        calls: list[Future[httpx.Response]] = []

        def lose_two() -> None:
            for broker in dice.sample(field.cluster.brokers, 2):
                broker.kill()
            calls.extend(pool.submit(ask, address) for address in field.fleet.addresses)
            wait(calls, return_when=FIRST_COMPLETED)

        field.brokers_away(lose_two)
        answers = [call.result() for call in calls]
    refusals = [answer for answer in answers if answer.status_code == 503]
    assert refusals, "nobody was refused"
    assert all(answer.json()["error"]["message"] for answer in refusals)
    field.settle(wave)


def test_the_frontier_is_deleted(field: Field, dice: random.Random) -> None:
    """Without the committed offsets workers start at the earliest record, never at the latest."""
    field.restart_workers()
    with closing(Reader(field.log, from_frontier=False, rebuilt=lambda reader: None)) as reader:
        while not reader.ready:
            reader.pump(0.5)
        reader.commit_frontier(now_ms())
    assert field.log.committed(FRONTIER_GROUP)
    wave = field.ask("deleted", REQUESTED // 2)
    time.sleep(1)
    group = field.prefix + FRONTIER_GROUP
    field.admin.delete_consumer_groups([group])[group].result()
    assert field.log.committed(FRONTIER_GROUP) == {}
    field.restart_workers()
    field.settle(wave)


class Aged(Reader):
    """A reader for whom all records but the newest request of each partition are older than a day."""

    def take(self, records: list[Record]) -> int:
        """Fold what was fetched, with those times."""
        return super().take([self._older(record) for record in records])

    def _older(self, record: Record) -> Record:
        if record.place.topic == REQUESTS and record.offset + 1 == self._ends[record.place]:
            return record
        return record._replace(timestamp=record.timestamp - A_DAY_AND_MORE)


def test_requests_are_deleted_below_the_frontier(field: Field, dice: random.Random) -> None:
    """What retention takes of `requests` below the frontier is missed by nobody, whoever starts anew."""
    field.tape.read()  # while all of it is there
    with closing(Aged(field.log, from_frontier=False, rebuilt=lambda reader: None)) as reader:
        while not reader.ready:
            reader.pump(0.5)
        reader.commit_frontier(now_ms())
    frontiers = {place: commit.offset for place, commit in field.log.committed(FRONTIER_GROUP).items()}
    assert max(frontiers.values()) > 10, frontiers
    cuts = {place: offset - dice.randrange(offset // 2) for place, offset in frontiers.items() if offset > 1}
    doomed = [TopicPartition(field.prefix + REQUESTS, place.partition, cut) for place, cut in cuts.items()]
    for future in field.admin.delete_records(doomed).values():
        future.result()
    assert {place: field.log.bounds(place)[0] for place in cuts} == cuts
    wave = field.ask("retention", REQUESTED // 2)
    time.sleep(1)
    field.restart_workers()
    field.fleet.webs[1].kill()
    shutil.rmtree(field.fleet.webs[1].data, ignore_errors=True)
    field.fleet.webs[1].start()
    eventually(lambda: field.fleet.ready(1), "the web replica does not come back")
    field.settle(wave)


def test_one_key_from_all_sides(field: Field, dice: random.Random) -> None:
    """The same Idempotency-Key submitted 50 times at once to two web replicas is one job."""
    body = {"prompt": "once", "user": "eager", "level": "fast", "size": "128x128"}
    headers = {"Idempotency-Key": f"once {SEED}"}

    def ask(number: int) -> Any:
        address = field.fleet.addresses[number % 2]
        return httpx.post(f"{address}/v1/jobs", json=body, headers=headers, timeout=ANSWERS)

    wave = field.ask("beside it", PEOPLE * 2)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    (job,) = {answer.json()["id"] for answer in answers}
    field.jobs.add(job)
    field.settle(wave)


def test_they_end_when_told(field: Field, dice: random.Random) -> None:
    """SIGTERM ends each process in order; a web replica tells, as its server does, that it was by the signal."""
    assert [machine.stop() for machine in field.fleet.workers.values()] == [0] * len(WORKERS)
    assert {machine.stop() for machine in field.fleet.webs} <= {0, -signal.SIGTERM}


def test_a_process_that_finds_no_kafka_is_tried_again(tmp_path: Path) -> None:
    """What is said in the sentence is done: `run` starts a process again that ends with 75."""
    nowhere = {"PROMPT2PIC_LOG": f"kafka://127.0.0.1:{free_port()}", "PROMPT2PIC_PAINTER": "stub:1"}
    command = [sys.executable, "-m", "prompt2pic", "worker", "--data", str(tmp_path)]
    done = subprocess.run(command, env=os.environ | nowhere, capture_output=True, text=True)
    assert "it will be tried again" in done.stderr
    assert done.returncode == TRY_AGAIN
