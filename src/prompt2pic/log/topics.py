"""How the topics of a log are laid out, and for how long their records are kept."""

from typing import NamedTuple

from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, WORKERS

_DAY = 24 * 3600 * 1000  # ms
KEPT = {REQUESTS: 29 * _DAY, RESULTS: 60 * _DAY, DEAD_LETTERS: 60 * _DAY, WORKERS: 7 * _DAY}


class TopicConfig(NamedTuple):
    """One topic: its number of partitions, and whether only the newest record of a key is kept.

    `kept` is for how many ms a record is, None for ever; a compacted topic may have both.
    """

    partitions: int = 1
    compacted: bool = False
    kept: int | None = None
