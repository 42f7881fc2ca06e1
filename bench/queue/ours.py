"""This queue: `prompt2pic worker` over the log in Kafka, with a painter that only waits."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from confluent_kafka.admin import AdminClient

from prompt2pic.core.events import Finished, JobEvent
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import Reader, now_ms
from prompt2pic.core.requests import Request, encode_request, partition_of
from prompt2pic.log.kafka import KafkaLog, create_topics
from prompt2pic.log.topics import TopicConfig
from prompt2pic.wiring import TOPICS

PARTITIONS = 3
PEOPLE = 7


class Ours:
    """Asks by appending to the log, and reads the ends from it."""

    def __init__(self, servers: str, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        self.prefix = new_topics(servers)
        self._address = f"kafka://{servers}"
        self.log = KafkaLog(self._address, TOPICS, prefix=self.prefix)
        self._ended: list[str] = []
        self.reader = Reader(self.log, from_frontier=False, rebuilt=self._rebuilt)

    def commands(self, workers: int) -> list[tuple[list[str], dict[str, str]]]:
        """Return the command line and the environment of each worker."""
        self._workers = workers
        environment = {
            "PROMPT2PIC_LOG": self._address,
            "PROMPT2PIC_TOPIC_PREFIX": self.prefix,
            "PROMPT2PIC_STORE": (self._folder / "pictures").as_uri(),
            "PROMPT2PIC_PAINTER": f"stub:{self._seconds}",
        }
        command = [sys.executable, "-m", "prompt2pic", "worker", "--name"]
        return [
            ([*command, f"w{n}"], environment | {"PROMPT2PIC_DATA": str(self._folder / f"w{n}")})
            for n in range(workers)
        ]

    def ready(self) -> bool:
        """Whether all workers wait for work."""
        return self.ready_for(self._workers)

    def ready_for(self, workers: int) -> bool:
        """Whether so many workers have told that they are there."""
        self.reader.pump(0.1)
        return len(self.reader.crew.live(now_ms())) >= workers

    def ask(self, job: str, number: int) -> None:
        """Ask for a job."""
        person = f"api:{number % PEOPLE}"
        request = Request(id=job, person=person, prompt="a red cat " * 6, seed=number, level="best")
        place = Place(REQUESTS, partition_of(person, PARTITIONS))
        self.log.append(place, job, encode_request(request))

    def ends(self, timeout: float) -> list[str]:
        """Return the jobs that were done since the last call, waiting for some up to `timeout` seconds."""
        self.reader.pump(timeout)
        ended, self._ended = self._ended, []
        return ended

    def _rebuilt(self, reader: Reader) -> None:
        reader.queue.endings.append(self._note)

    def _note(self, job: Job, event: JobEvent | None) -> None:
        if isinstance(event, Finished):
            self._ended.append(job.id)


def new_topics(servers: str, brokers: int = 1) -> str:
    """Make the topics of a queue on every broker of a cluster and return their prefix."""
    prefix = f"ours-{secrets.token_hex(4)}."
    wide = {REQUESTS: TopicConfig(PARTITIONS), RESULTS: TopicConfig(PARTITIONS)}
    create_topics(AdminClient({"bootstrap.servers": servers}), prefix, TOPICS | wide, brokers)
    return prefix


@contextmanager
def ours(servers: str, folder: Path, seconds: float) -> Iterator[Ours]:
    """Lend this queue over topics of its own."""
    contestant = Ours(servers, folder, seconds)
    with closing(contestant.log), closing(contestant.reader):
        yield contestant
