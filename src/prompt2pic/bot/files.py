"""Pictures from the store, ready to be uploaded."""

import asyncio

from prompt2pic.bot.calls import Picture
from prompt2pic.bot.showing import brief
from prompt2pic.core.errors import PictureMissing
from prompt2pic.core.events import Finished
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import PictureStore


async def _picture(store: PictureStore, key: str) -> Picture:
    """Return a stored picture. Raises PictureMissing, StoreUnavailable."""
    return Picture(await asyncio.to_thread(store.open, key), key.replace("/", "-"))


async def originals(store: PictureStore, end: Finished) -> list[Picture]:
    """Return all pictures of a job. Raises PictureMissing, StoreUnavailable."""
    return [await _picture(store, each.key) for each in end.pictures]


async def pictures(store: PictureStore, jobs: list[Job]) -> tuple[list[Picture], list[str]]:
    """Return the first picture of each job that is still stored, and the beginnings of their prompts."""
    files, captions = [], []
    for job in jobs:
        assert isinstance(job.end, Finished), "only a finished job has pictures"  # noqa: S101
        try:
            files.append(await _picture(store, job.end.pictures[0].key))
        except PictureMissing:
            continue
        captions.append(brief(job, 200))
    return files, captions
