"""How the topics of a log are laid out."""

from typing import NamedTuple


class TopicConfig(NamedTuple):
    """One topic: its number of partitions, and whether only the newest record of a key is kept."""

    partitions: int = 1
    compacted: bool = False
