"""People who ask over HTTP, and ask again with the same key where the connection breaks."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.servers.service import Service

_TIMEOUT = 4.0  # seconds; a paused server answers nobody
_AGAIN = 0.2  # seconds before a call is repeated
_LEVELS = ("auto", "auto", "fast", "balanced", "best")
_FLOOD = 5  # times as many requests as the others', of the first person


class Accepted:
    """What the server took: the ids of each person's requests by their prompts."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, str]] = {}
        self.repeats = 0
        self.refused = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self.jobs.values()))

    def note(self, person: str, prompt: str, job: str) -> None:
        """Note that a request was confirmed."""
        with self._lock:
            self.jobs.setdefault(person, {})[prompt] = job

    def tried_again(self, *, refused: bool) -> None:
        """Note that a call had to be repeated."""
        with self._lock:
            self.repeats += not refused
            self.refused += refused


def shares(requests: int, people: int) -> dict[str, int]:
    """Return how many requests each person has: the first one floods, the others have equally many."""
    each = max(1, requests // (people - 1 + _FLOOD))
    others = {f"person-{number}": each for number in range(1, people)}
    return {"flooder": requests - each * (people - 1), **others}


def ask_all(service: Service, requests: int, people: int, seed: int, until: float) -> Accepted:
    """Have everybody ask for all they want, each one after the other; `until` is monotonic."""
    accepted = Accepted()
    with ThreadPoolExecutor(people) as pool:
        asking = [
            pool.submit(_ask, service, person, count, random.Random(f"{seed} {person}"), until, accepted)
            for person, count in shares(requests, people).items()
        ]
        for done in asking:
            done.result()
    return accepted


def _ask(
    service: Service, person: str, count: int, dice: random.Random, until: float, accepted: Accepted
) -> None:
    with httpx.Client(base_url=service.address, timeout=_TIMEOUT) as client:
        for number in range(count):
            prompt = f"{person} wants {number}"
            body = {"prompt": prompt, "user": person, "level": dice.choice(_LEVELS), "size": "128x128"}
            accepted.note(person, prompt, _insist(client, body, f"{person}/{number}", until, accepted))
            time.sleep(dice.expovariate(20.0))


def _insist(client: httpx.Client, body: dict[str, str], key: str, until: float, accepted: Accepted) -> str:
    """Return the id of a request, asked for until it is confirmed."""
    while True:
        assert time.monotonic() < until, f"{key} is never confirmed"
        try:
            answer = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            accepted.tried_again(refused=False)
            time.sleep(_AGAIN)
            continue
        if answer.status_code == 202:
            return str(answer.json()["id"])
        assert answer.status_code in (429, 503), answer.text
        accepted.tried_again(refused=True)
        time.sleep(_AGAIN)
