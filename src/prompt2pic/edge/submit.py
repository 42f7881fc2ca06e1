"""Intake: check, append, read back; only then is a request confirmed."""

import asyncio
import hashlib
import random
import uuid
from functools import partial
from weakref import WeakValueDictionary

import msgspec
import structlog

from prompt2pic.core import decide
from prompt2pic.core.asks import LARGEST_SEED, Ask, Limits, check
from prompt2pic.core.errors import AppendUnknown, LogUnavailable, Refused
from prompt2pic.core.intake import WEB, affordable, check_age, check_quota, request_of, to_append
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS
from prompt2pic.core.requests import Grown, Request, decode_request, encode_request, key_of, request_id
from prompt2pic.core.words import NO_WORDS, WordLists
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.patience import in_time
from prompt2pic.edge.person import Person
from prompt2pic.ops.metrics import Metrics

_LONGEST_KEY = 255  # characters
_PATIENCE = 20.0  # seconds that partitions which others know of are waited for

_log = structlog.get_logger(__name__)


class KeyReused(Refused):
    """An idempotency key that came with another body before."""


class Draining(Refused):
    """The owner has stopped the intake for a while."""


class Submitter:
    """Takes asks and cancels; a person's submissions come one after the other, so that quotas hold."""

    def __init__(self, hub: Hub, limits: Limits, metrics: Metrics, words: WordLists = NO_WORDS) -> None:
        self._hub = hub
        self._limits = limits
        self._words = words
        self._metrics = metrics
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def submit(
        self, person: Person, ask: Ask, key: str | None, reply: dict[str, str | int] | None = None
    ) -> tuple[Job, bool]:
        """Return the job of an ask, read back from the log, and whether it is new; `reply` says where to answer.

        The same idempotency key gives the same job. Raises Refused, KeyReused, LogUnavailable, AppendUnknown.
        """
        checked, digest = self._words.check(check(ask, self._limits)), _digest(ask)
        async with in_time(), self.turn(person.name):
            await self._hub.whole()  # a log that is read anew knows of nobody yet
            request = _id_of(person, key)
            known = self._replay(request, person, digest)
            if known:
                return known, False
            return await self._take(person, checked, request, digest, reply or {"kind": WEB}), True

    def turn(self, person: str) -> asyncio.Lock:
        """Return the lock that whoever writes for a person holds."""
        return self._turns.setdefault(person, asyncio.Lock())

    async def cancel(self, job: Job) -> None:
        """Cancel a job; one that has ended already stays as it is. Raises LogUnavailable, AppendUnknown."""
        if job.end is not None:
            return
        async with in_time():
            await self._hub.tell(job, decide.cancellation(job, "person"))
        self._metrics.requests["cancelled"].inc()

    def _replay(self, request: str, person: Person, digest: str) -> Job | None:
        job = self._hub.history.job(request, person.name)
        if job is None or job.request is None:
            return None
        if job.request.digest != digest:
            raise KeyReused("idempotency-key-reused", param="Idempotency-Key")
        check_age(job.requested, self._hub.now())
        return job

    async def _take(
        self, person: Person, ask: Ask, request: str, digest: str, reply: dict[str, str | int]
    ) -> Job:
        self._refuse_now(person)
        now, limits = self._hub.now(), self._limits
        check_quota(self._hub.reader.queue, person.name, ask.count, limits, now)
        body = request_of(
            affordable(ask, self._hub.history.of(person.name), limits, now),
            id=request,
            person=person.name,
            seed=random.randint(0, LARGEST_SEED - self._limits.count),
            model=self._hub.model(),
            language=person.language,
            digest=digest,
            limits=limits,
            reply=reply,
        )
        await self._append(body)
        self._metrics.requests["accepted"].inc()
        _log.info("accepted", request=request, count=body.count)
        job = self._hub.history.job(request)
        if job is None:  # erased in the same instant
            raise Refused("job-missing")
        return job

    def _refuse_now(self, person: Person) -> None:
        rules = self._hub.reader.rules
        if person.name in rules.banned:
            raise Refused("person-banned")
        if rules.draining:
            raise Draining("draining", retry_after=60.0)

    async def _append(self, body: Request) -> None:
        """Append until it counts: where there are more partitions since just now, it may have to go to another."""
        readable = decode_request(encode_request(body)) is not None
        assert readable, "what no reader can read never counts"  # noqa: S101
        again = False
        number = await self._partitions()
        while step := to_append(self._hub.reader.queue, number, body, again=again):
            await self._write(*step)
            again = again or isinstance(step[1], Request)
            number = await self._partitions()

    async def _partitions(self) -> int:
        """Return the number of partitions to place requests in, once all of them are followed."""
        reader = self._hub.reader
        if reader.queue.grown() > len(reader.queue.ledgers):
            reader.look()
            followed = self._hub.until(lambda: reader.queue.grown() <= len(reader.queue.ledgers))
            try:
                await asyncio.wait_for(followed, _PATIENCE)
            except TimeoutError:
                reason = f"{reader.queue.grown()} partitions were grown to, and some are not there"
                raise LogUnavailable("log-failed", path=REQUESTS, reason=reason) from None
        return reader.placing()

    async def _write(self, place: Place, record: Request | Grown) -> None:
        append = partial(self._hub.log.append, place, key_of(record), encode_request(record))
        try:
            offset = await asyncio.to_thread(append)
        except AppendUnknown:
            # Of two records of a request, or of a number, the first one counts.
            offset = await asyncio.to_thread(append)
        await self._hub.appended(place, offset)


def _id_of(person: Person, key: str | None) -> str:
    if key is None:
        return str(uuid.uuid4())
    if not key or len(key) > _LONGEST_KEY:
        raise Refused("idempotency-key-wrong", param="Idempotency-Key", limit=_LONGEST_KEY)
    return request_id(person.name, f"key\n{key}")


def _digest(ask: Ask) -> str:
    return hashlib.sha256(msgspec.json.encode(ask)).hexdigest()[:16]
