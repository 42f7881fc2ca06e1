"""How long a person waits for an answer at the most."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prompt2pic.core.errors import AppendUnknown

LONGEST = 25.0  # seconds; the log itself gives up an append after 10, and one is tried twice


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Bound what stands inside. Raises AppendUnknown where it takes longer: what was begun may yet be written."""
    try:
        async with asyncio.timeout(LONGEST):
            yield
    except TimeoutError as late:
        reason = f"no answer within {LONGEST:.0f} s"
        raise AppendUnknown("append-unknown", path="requests", reason=reason) from late
