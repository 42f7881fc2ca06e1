"""The bot to come, as far as the ledger sees it: asks where an end is to be told, and tells of it once."""

import threading
import time
from collections import Counter
from contextlib import closing

from prompt2pic.core.errors import AppendUnknown, LogUnavailable
from prompt2pic.core.events import Delivered, JobEvent, encode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Log, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import Reader
from prompt2pic.core.requests import Request, encode_request, partition_of, request_id

_STEP = 0.5  # seconds


class Courier:
    """Follows the log in a thread of its own until it is stopped; `sent` counts the deliveries of each job."""

    def __init__(self, log: Log) -> None:
        self.sent: Counter[str] = Counter()
        self._log = log
        self._due: dict[str, Job] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="courier", daemon=True)

    def __enter__(self) -> "Courier":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def ask(self, person: str, prompt: str, until: float) -> str:
        """Ask for a picture whose end is to be told; return its id once that is in the log."""
        spread = self._log.partitions(REQUESTS)
        body = Request(
            id=request_id(person, prompt),
            person=person,
            prompt=prompt,
            seed=1,
            width=128,
            height=128,
            notify=True,
            partitions=spread,
        )
        place = Place(REQUESTS, partition_of(person, spread))
        while True:
            try:
                self._log.append(place, body.id, encode_request(body))
            except (AppendUnknown, LogUnavailable):
                assert time.monotonic() < until, f"{prompt} is never taken"
            else:
                return body.id

    def _follow(self) -> None:
        with closing(Reader(self._log, from_frontier=False, rebuilt=self._rebuilt)) as reader:
            while not self._stop.is_set():
                try:
                    reader.pump(_STEP)
                    self._deliver()
                except (AppendUnknown, LogUnavailable):  # read back: it is due until it counted
                    self._stop.wait(_STEP)

    def _rebuilt(self, reader: Reader) -> None:
        reader.queue.listeners.append(self._changed)

    def _changed(self, job: Job, event: JobEvent | None) -> None:
        if job.end is not None and job.end.notify and job.delivered is None:
            self._due[job.id] = job
        else:
            self._due.pop(job.id, None)

    def _deliver(self) -> None:
        for job in list(self._due.values()):
            if not self.sent[job.id]:  # to the person, and only then to the log
                self.sent[job.id] += 1
            event = Delivered(request=job.id, at=job.at, messages=(1,))
            self._log.append(Place(RESULTS, job.partition), job.id, encode_event(event))
            self._due.pop(job.id, None)
