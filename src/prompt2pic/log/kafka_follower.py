"""Reading the log in Kafka from given positions on."""

from collections.abc import Callable, Mapping

from prompt2pic.core.ports import Place, Record
from prompt2pic.log.kafka_buffer import Buffer
from prompt2pic.log.kafka_cluster import Cluster
from prompt2pic.log.kafka_probe import Probe
from prompt2pic.log.kafka_tail import Tail


class KafkaFollower:
    """Takes what a thread of its own fetches; `bounds` returns the first and the next offset of a place."""

    def __init__(
        self,
        cluster: Cluster,
        bounds: Callable[[Place], tuple[int, int]],
        probe: Probe,
        positions: Mapping[Place, int],
    ) -> None:
        self._positions = dict(positions)
        self._buffer = Buffer()
        self._tail = Tail(cluster, bounds, probe, positions, self._buffer)

    def poll(self, timeout: float, limit: int = 1000) -> list[Record]:
        """Return at most `limit` new records, waiting up to `timeout` seconds for the first.

        Raises LogTruncated when offsets went back, LogUnavailable when the log can not be read now.
        """
        entries = self._buffer.take(timeout, limit)
        records = [entry for entry in entries if isinstance(entry, Record)]
        for entry in entries:
            self._positions[entry.place] = entry.offset + isinstance(entry, Record)
        return records

    def positions(self) -> dict[Place, int]:
        """Return the next offset to be read of each place."""
        return dict(self._positions)

    def wake(self) -> None:
        """Make a `poll` that waits in another thread return early, or the next one where none waits."""
        self._buffer.wake()

    def close(self) -> None:
        """Stop following."""
        self._tail.stop()
