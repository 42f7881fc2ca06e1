"""Forgetting: what a person asked for is hidden at once, for good, and its pictures are deleted."""

import asyncio
from collections.abc import Iterable

import structlog

from prompt2pic.core import decide
from prompt2pic.core.errors import StoreUnavailable
from prompt2pic.core.events import Erased, Finished
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import PictureStore, Place
from prompt2pic.core.queue import REQUESTS
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.patience import in_time
from prompt2pic.edge.submit import Submitter

_log = structlog.get_logger(__name__)


class Eraser:
    """Erases one job, or all that a person asked for until now; what is still open is cancelled first.

    The records say what is erased. Files that can not be deleted here and now fall to a worker's sweep.
    """

    def __init__(self, hub: Hub, submitter: Submitter, store: PictureStore) -> None:
        self._hub = hub
        self._submitter = submitter
        self._store = store

    async def erase(self, job: Job) -> None:
        """Erase one job. Raises LogUnavailable, AppendUnknown."""
        async with in_time():
            await self._submitter.cancel(job)
            await self._hub.write(job.partition, job.id, decide.erasure(job))
        await self._delete([job])

    async def forget(self, person: str) -> int:
        """Erase all that a person asked for and return how many jobs that were.

        Raises LogUnavailable, AppendUnknown.
        """
        async with in_time(), self._submitter.turn(person):
            ends = await self._ends()
            jobs = list(self._hub.history.of(person))
            for job in jobs:
                await self._submitter.cancel(job)
            for partition, end in ends.items():
                await self._hub.write(partition, person, Erased(person=person, upto=end))
        await self._delete(jobs)
        return len(jobs)

    async def _ends(self) -> dict[int, int]:
        """Return where `requests` ends, per partition that holds any, once all of it has been read."""
        log, reader = self._hub.log, self._hub.reader
        places = [Place(REQUESTS, n) for n in range(await asyncio.to_thread(reader.partitions))]
        if len(places) > len(reader.queue.ledgers):
            reader.look()  # somebody else may have seen those, and have put something of the person's there
        ends = {place: (await asyncio.to_thread(log.bounds, place))[1] for place in places}
        for place, end in ends.items():
            await self._hub.appended(place, end - 1)
        return {place.partition: end for place, end in ends.items() if end}

    async def _delete(self, jobs: Iterable[Job]) -> None:
        pictures = [picture for job in jobs if isinstance(job.end, Finished) for picture in job.end.pictures]
        try:
            for picture in pictures:
                await asyncio.to_thread(self._store.delete, picture.key)
        except StoreUnavailable as problem:
            _log.warning("left-to-the-sweep", pictures=len(pictures), why=str(problem))
