"""Edge, worker and a real Kafka in concert: pictures for the page and for a chat, whatever ends a worker."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx
import msgspec
import pytest

from prompt2pic.core.ports import Place
from prompt2pic.core.queue import RESULTS
from prompt2pic.log.kafka import KafkaLog
from prompt2pic.wiring import TOPICS
from tests.conformance.log_suite import read_all
from tests.images.containers import EDGE, WORKER, Container, docker
from tests.servers.kafka import Kafka, kafka
from tests.servers.ports import free_port
from tests.servers.service import eventually
from tests.telegram import Telegram, telegram
from tests.telegram.asked import ANNA

pytestmark = pytest.mark.timeout(600)


@dataclass
class Stack:
    """Containers over one broker and one volume of pictures, and where they are reached."""

    settings: dict[str, str]
    api: Telegram
    address: str
    volume: str
    stack: ExitStack

    def worker(self, name: str, painter: str) -> Container:
        """Start a worker that is ready to paint."""
        settings = {
            **self.settings,
            "worker_name": name,
            "painter": painter,
        }
        worker = self.stack.enter_context(self.container(WORKER, "worker", settings))
        worker.wait_healthy()
        return worker

    def container(self, image: str, command: str, settings: dict[str, str]) -> Container:
        """Start a container with the common volume."""
        return Container(
            image, *command.split(), settings=settings, options=(f"--volume={self.volume}:/data",)
        )

    def ask(self, **fields: Any) -> str:
        """Ask for a picture on the page and return the job."""
        answer = httpx.post(f"{self.address}/v1/jobs", json={"prompt": "кот", **fields}, timeout=30)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job: str) -> dict[str, Any]:
        """Return a job as it is now."""
        found: dict[str, Any] = httpx.get(f"{self.address}/v1/jobs/{job}", timeout=30).json()
        return found

    def ended(self, job: str) -> dict[str, Any]:
        """Return a job once it is over."""
        over = {"succeeded", "failed", "cancelled"}
        return eventually(lambda: found if (found := self.job(job))["status"] in over else None, job, 180)

    def finished(self) -> Counter[str]:
        """Count, straight from the topic, each request's `finished` records."""
        prefix = self.settings["topic_prefix"]
        with closing(KafkaLog(self.settings["log"], TOPICS, prefix=prefix)) as log:
            places = [Place(RESULTS, n) for n in range(2)]
            events = [
                msgspec.json.decode(record.value) for place in places for record in read_all(log, place)
            ]
        return Counter(event["request"] for event in events if event.get("type") == "finished")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker."""
    with kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@contextmanager
def running(broker: Kafka) -> Iterator[Stack]:
    """Make topics with the image's own command, then start page and bot."""
    prefix, port, volume = f"test-{secrets.token_hex(4)}.", free_port(), docker("volume", "create")
    settings = {
        "log": f"kafka://{broker.servers}",
        "topic_prefix": prefix,
        "secret": "the-same-for-every-process",
        "open_access": "true",
        "language": "en",
    }
    with telegram() as api, ExitStack() as stack:
        stack.callback(docker, "volume", "rm", "--force", volume)
        here = Stack(settings, api, f"http://127.0.0.1:{port}", volume, stack)
        with here.container(EDGE, "topics --partitions 2 --replication 1", settings) as topics:
            assert docker("wait", topics.name) == "0", topics.told()
        chat = {"telegram_token": api.token, "telegram_api_url": api.url}
        for command, more in (("web", {"port": str(port)}), ("bot", chat)):
            stack.enter_context(here.container(EDGE, command, settings | more)).wait_healthy()
        yield here


def test_the_built_in_model_paints_for_the_page_and_for_a_chat(broker: Kafka) -> None:
    """A picture asked for on the page can be fetched there, and one asked for in a chat arrives in it."""
    with running(broker) as here:
        anna = here.api.person(ANNA)
        here.worker("painter-1", "wuerstchen")
        job = here.ended(here.ask(level="fast"))
        assert job["status"] == "succeeded", job
        picture = httpx.get(urljoin(here.address, job["output"][0]["url"]), timeout=30)
        assert picture.content.startswith(b"\x89PNG")
        anna.says("/start")
        anna.says("красный шар --level fast")
        anna.private().wait_for(lambda seen: any(message.picture for message in seen), 120)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_worker_that_ends_in_mid_picture_loses_nothing(broker: Kafka, end: str) -> None:
    """Whether it is asked to stop or killed, each request is finished once, by whoever is left."""
    with running(broker) as here:
        first = here.worker("painter-1", "stub:8")
        jobs = [here.ask(level="best") for _ in range(3)]
        eventually(lambda: any(here.job(job)["status"] == "processing" for job in jobs), "nobody paints")
        here.worker("painter-2", "stub:1")
        docker(*(("stop", "--time=40") if end == "stop" else ("kill",)), first.name)
        if end == "stop":
            assert first.state["ExitCode"] == 0
        assert [here.ended(job)["status"] for job in jobs] == ["succeeded"] * 3
        assert here.finished() == Counter(jobs)
