"""People who ask over HTTP, and ask again with the same key where the connection breaks."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

TIMEOUT = 4.0  # seconds; a paused server answers nobody
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


def ask_all(
    addresses: Sequence[str],
    requests: int,
    people: int,
    seed: int,
    until: float,
    wave: str = "",
    timeout: float = TIMEOUT,
) -> Accepted:
    """Have everybody ask for all they want, each one after the other; `until` is monotonic.

    Whoever is not answered asks again, with the same key, at the next of the addresses. `wave` is in every
    prompt and key, so that the same people may come again.
    """
    accepted = Accepted()
    with ThreadPoolExecutor(people) as pool:
        asking = []
        for person, count in shares(requests, people).items():
            caller = Caller(addresses, person, random.Random(f"{seed} {person}"), until, accepted, timeout)
            asking.append(pool.submit(caller.ask_all, count, wave))
        for done in asking:
            done.result()
    return accepted


class Caller:
    """One person with what they need to ask over HTTP."""

    def __init__(
        self,
        addresses: Sequence[str],
        person: str,
        dice: random.Random,
        until: float,
        accepted: Accepted,
        timeout: float = TIMEOUT,
    ) -> None:
        self._addresses = addresses
        self._person = person
        self._dice = dice
        self._until = until
        self._accepted = accepted
        self._timeout = timeout
        self._turn = dice.randrange(len(addresses))

    def ask_all(self, count: int, wave: str = "") -> None:
        """Ask for so many pictures, one after the other."""
        with httpx.Client(timeout=self._timeout) as client:
            for number in range(count):
                prompt = f"{self._person} wants {wave}{number}"
                body = {"prompt": prompt, "user": self._person, "level": self._dice.choice(_LEVELS)}
                key = f"{self._person}/{wave}{number}"
                job = self._insist(client, body | {"size": "128x128"}, key)
                self._accepted.note(self._person, prompt, job)
                time.sleep(self._dice.expovariate(20.0))

    def _insist(self, client: httpx.Client, body: dict[str, str], key: str) -> str:
        """Return the id of a request, asked for until it is confirmed."""
        while True:
            assert time.monotonic() < self._until, f"{key} is never confirmed"
            address = self._addresses[self._turn % len(self._addresses)]
            try:
                answer = client.post(f"{address}/v1/jobs", json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                self._try_again(refused=False)
                continue
            if answer.status_code == 202:
                return str(answer.json()["id"])
            assert answer.status_code in (429, 503), answer.text
            assert answer.json()["error"]["message"], "refused without a sentence"
            self._try_again(refused=True)

    def _try_again(self, *, refused: bool) -> None:
        self._accepted.tried_again(refused=refused)
        self._turn += 1
        time.sleep(_AGAIN)
