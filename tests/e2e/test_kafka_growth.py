"""A queue over Kafka that gets more partitions while people ask and workers paint."""

import threading
from collections import Counter
from contextlib import closing
from itertools import chain
from pathlib import Path

import msgspec

from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.topics import Asked
from prompt2pic.topics.keeping import keep
from prompt2pic.wiring import build_keeper, build_log
from tests.conformance.log_suite import read_all
from tests.servers.kafka import kafka
from tests.servers.owner import settings_of
from tests.servers.service import Service, eventually

BEFORE, AFTER = 2, 5  # partitions
PEOPLE = 8


def test_growing_under_load(tmp_path: Path) -> None:
    """Nothing is lost or painted twice while `topics` adds partitions, and new requests use all of them."""
    (tmp_path / "kafka").mkdir()
    with kafka(tmp_path / "kafka") as broker:
        settings = settings_of(broker, tmp_path / "data", "prompt2pic.")
        keep(settings, build_keeper(settings), Asked(partitions=BEFORE))
        jobs: dict[str, str] = {}
        enough = threading.Event()

        def ask(service: Service, person: str) -> None:
            number = 0
            while not enough.is_set():
                jobs[service.ask(f"cat {number}", user=person)["id"]] = person
                number += 1
                enough.wait(1.0)

        with Service(tmp_path / "data", painter="stub:0.05", workers=2, log=settings.log) as service:
            people = [threading.Thread(target=ask, args=(service, f"person {n}")) for n in range(PEOPLE)]
            for person in people:
                person.start()
            eventually(lambda: len(jobs) >= 2 * PEOPLE, "nobody asks")
            outcome = keep(settings, build_keeper(settings), Asked(partitions=AFTER))
            assert outcome.after.differences == ()
            asked = len(jobs)
            eventually(lambda: len(jobs) >= asked + 4 * PEOPLE, "nobody asks any more")
            enough.set()
            for person in people:
                person.join()
            ended = [service.ended(job, person)["status"] for job, person in jobs.items()]
            assert Counter(ended) == {"succeeded": len(jobs)}
        with closing(build_log(settings)) as log:
            events = [read_all(log, Place(RESULTS, n)) for n in range(AFTER)]
            requests = [read_all(log, Place(REQUESTS, n)) for n in range(AFTER)]
    finished = Counter(
        told["request"]
        for record in chain(*events)
        if (told := msgspec.json.decode(record.value))["type"] == "finished"
    )
    assert finished == dict.fromkeys(jobs, 1)
    assert any(record.key in jobs for place in requests[BEFORE:] for record in place)
