"""What a reader leaves for those that start after it: its frontier, and how far it had read by then."""

from typing import Annotated, Literal, NamedTuple

import msgspec

from prompt2pic.core.ledger import Frontier
from prompt2pic.core.ports import Commit
from prompt2pic.core.records import Amount, decoding

Offset = Annotated[int, msgspec.Meta(ge=0)]


class Mark(NamedTuple):
    """A frontier, and the offsets before which its reader had read everything.

    A log that ends before them was truncated, or put back from a copy: jobs before the frontier may be open there.
    """

    frontier: Frontier
    requests_read: int
    results_read: int


class _Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: Literal[1]
    results: Offset
    requests_read: Offset
    results_read: Offset
    partitions: Amount = 1


_encode = msgspec.json.Encoder().encode
_decode = decoding(_Metadata)


def commit_of(mark: Mark) -> Commit:
    """Return a mark as the log holds it: the frontier in `requests` as the position, the rest beside it."""
    metadata = _Metadata(
        version=1,
        results=mark.frontier.results,
        requests_read=mark.requests_read,
        results_read=mark.results_read,
        partitions=mark.frontier.number,
    )
    return Commit(mark.frontier.requests, _encode(metadata).decode())


def mark_of(commit: Commit) -> Mark | None:
    """Return the mark that was committed, None where this program can not tell what the commit says."""
    found: _Metadata | None = _decode(commit.metadata.encode())
    if found is None:
        return None
    frontier = Frontier(commit.offset, found.results, found.partitions)
    return Mark(frontier, found.requests_read, found.results_read)
