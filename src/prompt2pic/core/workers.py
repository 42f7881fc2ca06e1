"""What a worker tells of itself: the record of the compacted `workers` topic."""

from collections.abc import Callable
from typing import Literal

import msgspec

from prompt2pic.core.ports import Model, Record
from prompt2pic.core.records import Seconds, decoding

HEARTBEAT = 10.0  # seconds between two records of a live worker
SILENT_AFTER = 35.0  # seconds without a record after which a worker counts as gone
_FORGOTTEN = 3600 * 1000  # ms of silence after which a name is not even kept
_ROOM = 64  # names that may be kept beside as many as are of use


class WorkerState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="worker"):
    """A worker's model and speed; `seconds` a picture of the default size takes at each level.

    `gone` is a worker's last record. `silence` is the longest it was silent in an attempt, in seconds.
    """

    v: Literal[1] = 1
    name: str
    state: Literal["ready", "draining", "gone"]
    model: Model
    seconds: dict[str, Seconds]
    silence: Seconds = 0.0


_encoder = msgspec.json.Encoder()


def encode_worker(worker: WorkerState) -> bytes:
    """Return the bytes of a worker's record as the log holds them."""
    return _encoder.encode(worker)


decode_worker: Callable[[bytes], WorkerState | None] = decoding(WorkerState)
"""Return the worker's record, or None where the bytes are none this program knows."""


class Crew:
    """The workers that are there, by their newest records; whoever is gone, or long silent, is forgotten."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, WorkerState]] = {}
        self._room = _ROOM
        self._newest: WorkerState | None = None
        self.undecodable = 0

    def apply(self, record: Record) -> None:
        """Take in one record of the `workers` topic."""
        worker = decode_worker(record.value)
        if worker is None:
            self.undecodable += 1
            return
        self._newest = worker
        if worker.state == "gone":
            self._told.pop(worker.name, None)
            return
        self._told[worker.name] = (record.timestamp, worker)
        if len(self._told) > self._room:
            self._forget(record.timestamp)

    def _forget(self, now: int) -> None:
        """Forget who was silent for long at `now` (ms); one who is there after all is heard of again in seconds."""
        self._told = {name: told for name, told in self._told.items() if abs(now - told[0]) < _FORGOTTEN}
        self._room = 2 * len(self._told) + _ROOM

    def live(self, now: int) -> list[WorkerState]:
        """Return the workers heard of lately at `now` (ms) that take jobs, by name."""
        lately = (
            SILENT_AFTER * 1000
        )  # either way: a record that is yet to come says that some clock was wrong
        return sorted(
            (w for told, w in self._told.values() if abs(now - told) < lately and w.state == "ready"),
            key=lambda worker: worker.name,
        )

    def model(self) -> Model | None:
        """Return the model of the newest record, of a worker that is there or was."""
        return self._newest.model if self._newest else None
