"""Records that nobody would write: any bytes, any JSON, and good records with a field gone wrong."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from prompt2pic.core.events import Erased, Event, Token, Version, encode_event
from prompt2pic.core.requests import encode_request
from prompt2pic.core.workers import encode_worker
from tests.unit.samples import (
    announced,
    cancelled,
    claimed,
    delivered,
    expired,
    failed,
    finished,
    progressed,
    released,
    request,
    started,
    worker,
)

_TOKEN = Token(0, "a")
_EVENTS: tuple[Event, ...] = (
    claimed(),
    started(_TOKEN),
    progressed(_TOKEN),
    released(_TOKEN),
    failed(_TOKEN),
    failed(None, final=True),
    expired(_TOKEN, 0),
    cancelled(),
    finished(_TOKEN),
    announced(5),
    delivered(),
    Erased(person="ann", upto=3),
    Version(needs=1),
)
GOOD = {
    "requests": [encode_request(request()), encode_request(request(width=512, height=256, count=3))],
    "results": [encode_event(event) for event in _EVENTS],
    "workers": [encode_worker(worker())],
}

numbers = st.one_of(
    st.integers(-2, 3),
    st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 0.0, -0.0, 1e-320, 1e308, -1e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)
_EDGES = [0, -1, 1, 2**63, 10**400, 1e308, -1e308, "", "x", [], {}, [[]], None, True]
values = st.sampled_from(_EDGES) | st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def records(topic: str) -> st.SearchStrategy[bytes]:
    """Return what may stand in a topic: bytes, JSON, good records, bent ones, cut ones."""
    good = st.sampled_from(GOOD[topic])
    rest = st.binary(max_size=40) | values.map(_json) | st.builds(_cut, good, _where)
    return st.one_of(good, bent(good), bent(good), bent(bent(good)), rest)


def bent(good: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return good records with one field, at any depth, gone wrong."""
    return st.builds(_bend, good, st.randoms(use_true_random=False), values)


_where = st.integers(0, 400)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _cut(record: bytes, where: int) -> bytes:
    return record[: where % len(record)]


def _bend(record: bytes, dice: Any, value: Any) -> bytes:
    told = json.loads(record)
    put = dice.choice(list(_spots(told)))
    put(value)
    return _json(told)


def _spots(told: Any) -> list[Callable[[Any], None]]:
    """Return what sets each field of a record, those of lists and parts included."""
    items = list(told.items() if isinstance(told, dict) else enumerate(told))
    spots = [lambda value, name=name: told.__setitem__(name, value) for name, _ in items]
    return spots + [spot for _, part in items if isinstance(part, dict | list) for spot in _spots(part)]
