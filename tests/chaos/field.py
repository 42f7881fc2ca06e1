"""Three brokers and the processes on them, what these were asked for, and whether all is as it must be."""

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
from confluent_kafka import ElectionType, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, PartitionMetadata

from prompt2pic.core.events import Claimed, Delivered, Expired, Finished
from prompt2pic.core.ports import Place, Record
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
from tests.servers.kafka import ASKING, Kafka, kafka
from tests.servers.service import T, eventually

FAULTS = os.environ.get("FAULTS", "")
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
PAINTER = "stub:0.6"  # 0.3 s at fast, 0.45 at balanced, 0.6 at best
WORKERS = ("ann", "bob", "eve")
PEOPLE = 8
REQUESTED = 60 if FAULTS else 30  # over HTTP in each test
NOTIFIED = 6  # beside them, whose ends are to be delivered
LIMIT = 120.0  # seconds in which whatever was asked for has ended
BLOCKED = 20.0  # seconds that an append may last once brokers are back
_ELECTED = 5.0  # seconds that an election may take; the client's own timeouts for it can not be set
REFUSED = "nobody takes this"


class Field:
    """The cluster, all processes on it, and what they were asked for."""

    def __init__(self, cluster: Kafka, prefix: str, fleet: Fleet, tape: KafkaTape, log: KafkaLog) -> None:
        self.cluster = cluster
        self.prefix = prefix
        self.fleet = fleet
        self.tape = tape
        self.log = log
        self.courier = Courier(log)
        self.admin = AdminClient({"bootstrap.servers": cluster.servers, **ASKING})
        self.jobs: set[str] = set()
        self.absences: list[Absence] = []
        self._open: list[Wave] = []
        self._pool = ThreadPoolExecutor(2)

    def ask(self, wave: str, requests: int = REQUESTED, timeout: float = 6.0) -> None:
        """Have many people begin to ask."""
        until = time.monotonic() + LIMIT
        asking = self._pool.submit(
            ask_all, self.fleet.addresses, requests, PEOPLE, SEED, until, f"{wave} ", timeout
        )
        notified = self._pool.submit(
            lambda: [self.courier.ask(f"chat-{n % 3}", f"{wave} {n}", until) for n in range(NOTIFIED)]
        )
        self._open.append(Wave(wave, asking, notified, until))

    def under_load(self, look: Callable[[], T | None], otherwise: str) -> T:
        """Return what `look` finds once it finds something; people who have all they want ask again till then."""
        first = self._open[-1].name

        def asked_anew() -> T | None:
            if self._open[-1].asked and all(story.ends for story in judge(self.tape.read()).stories.values()):
                self.ask(f"{first} {len(self._open)}", PEOPLE * 2)
            return look()

        return eventually(asked_anew, otherwise)

    def settle(self) -> None:
        """Return once all that was asked for since the last time has ended, and assert that all is as it must be."""
        waves, self._open = self._open, []
        accepted = [wave.asking.result() for wave in waves]
        mine = {job for one in accepted for theirs in one.jobs.values() for job in theirs.values()}
        notified = {job for wave in waves for job in wave.notified.result()}
        self.jobs |= mine | notified | self._refused()
        self.wait_for_ends(max(wave.until for wave in waves))
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
            for one in accepted:
                self._shows(address, one)
        print(  # noqa: T201 - shown where a test fails, and with -s
            f"seed {SEED}: {len(mine)} accepted of {PEOPLE} people and {len(notified)} to be delivered;"
            f" {sum(one.repeats for one in accepted)} calls repeated, {sum(one.refused for one in accepted)} refused;"
            f" in all {len(self.jobs)} ended once,"
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

    def lead_anew(self, place: Place, ahead: int = 0) -> None:
        """Start the first broker of a partition anew, its clock so many seconds `ahead`, and have it lead there."""
        partition = TopicPartition(self.prefix + place.topic, place.partition)
        broker = self.cluster.broker(self._partition(partition).replicas[0])
        broker.kill()
        eventually(lambda: self._partition(partition).leader != broker.number, f"nobody else leads {place}")
        broker.start(ahead)

        def leads() -> bool:
            with suppress(KafkaException, TimeoutError):  # it leads already, or is not in sync yet
                self.admin.elect_leaders(ElectionType.PREFERRED, [partition]).result(_ELECTED)
            return bool(self._partition(partition).leader == broker.number)

        eventually(leads, f"broker {broker.number} does not come to lead {place}")
        self.tape.read()

    def stamp(self, place: Place, offset: int) -> int:
        """Return when the record at an offset was appended (ms), by the broker's own clock."""
        with closing(self.log.follow({place: offset})) as follower:
            return follower.poll(LIMIT, 1)[0].timestamp

    def _partition(self, partition: TopicPartition) -> PartitionMetadata:
        topic = self.admin.list_topics(partition.topic, 20).topics[partition.topic]
        return topic.partitions[partition.partition]

    def _whole(self) -> bool:
        try:
            self.cluster.wait()
        except RuntimeError:  # on a busy machine
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


class Wave(NamedTuple):
    """What is being asked for; `until` is monotonic."""

    name: str
    asking: Future[Accepted]
    notified: Future[list[str]]
    until: float

    @property
    def asked(self) -> bool:
        """Whether all of it is asked for."""
        return self.asking.done() and self.notified.done()


def loses_its_lease(
    field: Field, leave: Callable[[str], None], come_back: Callable[[str], None], whose: str
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

    attempt = field.under_load(caught, f"{whose} was not caught at work")
    eventually(lambda: expired(field, attempt), f"the lease of {whose} does not run out")
    come_back(whose)
    field.settle()
    (lost,) = [one for one in field.history(field.tape.read()).beliefs if one.attempt == attempt]
    assert lost.until is not None, "it never let go"


def expired(field: Field, attempt: str) -> bool:
    """Whether the lease of an attempt ran out."""
    return any(
        isinstance(entry.event, Expired) and entry.event.token.attempt == attempt
        for entry in counted(field.tape.read())
    )


@contextmanager
def field(brokers: Path, folder: Path) -> Iterator[Field]:
    """Run three brokers, three workers and two web replicas, with their files in two folders."""
    with ExitStack() as stack:
        cluster = stack.enter_context(kafka(brokers, brokers=3))
        prefix = make_topics(cluster)
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
        made = Field(cluster, prefix, fleet, tape, log)
        stack.enter_context(made.courier)
        yield made
