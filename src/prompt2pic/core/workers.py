"""What a worker tells of itself: the record of the compacted `workers` topic."""

from typing import Literal

import msgspec

from prompt2pic.core.ports import Model

HEARTBEAT = 10.0  # seconds between two records of a live worker
SILENT_AFTER = 35.0  # seconds without a record after which a worker counts as gone


class WorkerState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="worker"):
    """A worker's model and speed; `seconds` a picture of the default size takes at each level.

    The `gone` state is a worker's last record. `silence` is the longest it was silent in an attempt, in seconds.
    """

    v: Literal[1] = 1
    name: str
    state: Literal["ready", "draining", "gone"]
    model: Model
    seconds: dict[str, float]
    silence: float = 0.0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(WorkerState)


def encode_worker(worker: WorkerState) -> bytes:
    """Return the bytes of a worker's record as the log holds them."""
    return _encoder.encode(worker)


def decode_worker(value: bytes) -> WorkerState | None:
    """Return the worker's record, or None where the bytes are none this program knows."""
    try:
        return _decoder.decode(value)
    except msgspec.MsgspecError:
        return None
