"""Every record is held as bytes that never change, and what can not be read is told, not raised."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.events import (
    Announced,
    Cancelled,
    Claimed,
    Delivered,
    Erased,
    Event,
    Expired,
    Failed,
    Finished,
    Picture,
    Progressed,
    Released,
    Started,
    Token,
    Version,
    decode_event,
    encode_event,
)
from prompt2pic.core.ports import Level, Model
from prompt2pic.core.requests import (
    Grown,
    Request,
    decode_grown,
    decode_request,
    encode_request,
    partition_of,
    request_id,
)
from prompt2pic.core.rules import Ban, Drain, encode_drain, encode_partitions, personal
from prompt2pic.core.workers import WorkerState, decode_worker, encode_worker

TOKEN = Token(7, "a1")
LONG = 10_000  # levels of nesting, more than any decoder goes into

EVENTS: dict[bytes, Event] = {
    b'{"type":"claimed","v":1,"request":"r1","at":3,"attempt":"a1","worker":"w1","model":"m","level":"fast",'
    b'"lowered":true,"lease":15.0,"predicted":2.5,"by_age":true}': Claimed(
        request="r1",
        at=3,
        attempt="a1",
        worker="w1",
        model="m",
        level="fast",
        lowered=True,
        lease=15.0,
        predicted=2.5,
        by_age=True,
    ),
    b'{"type":"started","v":1,"request":"r1","at":3,"token":[7,"a1"]}': Started(
        request="r1", at=3, token=TOKEN
    ),
    b'{"type":"progressed","v":1,"request":"r1","at":3,"token":[7,"a1"],"fraction":0.25,"step":1,"steps":4,'
    b'"left":null,"preview":"/9j="}': Progressed(
        request="r1", at=3, token=TOKEN, fraction=0.25, step=1, steps=4, preview="/9j="
    ),
    b'{"type":"released","v":1,"request":"r1","at":3,"token":[7,"a1"],"reason":"worker-stopping"}': Released(
        request="r1", at=3, token=TOKEN, reason="worker-stopping"
    ),
    b'{"type":"failed","v":1,"request":"r1","at":3,"token":null,"reason":"waited-too-long","final":true,'
    b'"notify":true}': Failed(
        request="r1", at=3, token=None, reason="waited-too-long", final=True, notify=True
    ),
    b'{"type":"expired","v":1,"request":"r1","at":3,"token":[7,"a1"],"last":9,"final":false,'
    b'"notify":false}': Expired(request="r1", at=3, token=TOKEN, last=9, final=False),
    b'{"type":"cancelled","v":1,"request":"r1","at":3,"by":"person","notify":false}': Cancelled(
        request="r1", at=3, by="person"
    ),
    b'{"type":"finished","v":1,"request":"r1","at":3,"token":[7,"a1"],"pictures":[{"key":"r1/a1/0.png",'
    b'"link":"https://example.org/x","seed":5,"width":512,"height":256,"painted_width":1024,'
    b'"painted_height":512}],"worker":"w1","model":"m","level":"fast","lowered":false,"steps":4,'
    b'"seconds":2.25,"read":1.0,"negative_read":1.0,"notify":true}': Finished(
        request="r1",
        at=3,
        token=TOKEN,
        pictures=(
            Picture(
                key="r1/a1/0.png",
                link="https://example.org/x",
                seed=5,
                width=512,
                height=256,
                painted_width=1024,
                painted_height=512,
            ),
        ),
        worker="w1",
        model="m",
        level="fast",
        steps=4,
        seconds=2.25,
        notify=True,
    ),
    b'{"type":"announced","v":1,"request":"r1","at":3,"message":12}': Announced(
        request="r1", at=3, message=12
    ),
    b'{"type":"delivered","v":1,"request":"r1","at":3,"messages":[12,13],"gone":false}': Delivered(
        request="r1", at=3, messages=(12, 13)
    ),
    b'{"type":"erased","v":1,"person":"tg:5","upto":8,"request":"r1"}': Erased(
        person="tg:5", upto=8, request="r1"
    ),
    b'{"type":"version","v":1,"needs":2}': Version(needs=2),
}

REQUEST_BYTES = (
    b'{"type":"request","v":1,"id":"r1","person":"tg:5","prompt":"\xd0\x97\xd0\xb0\xd0\xba\xd0\xb0\xd1\x82",'
    b'"negative":"blur","model":"m","width":512,"height":256,"count":2,"seed":5,"strength":0.25,"level":"best",'
    b'"language":"ru","reply":{"kind":"chat","chat":9},"digest":"d","notify":true,"partitions":6}'
)
REQUEST = Request(
    id="r1",
    person="tg:5",
    prompt="Закат",
    negative="blur",
    model="m",
    width=512,
    height=256,
    count=2,
    seed=5,
    strength=0.25,
    level="best",
    language="ru",
    reply={"kind": "chat", "chat": 9},
    digest="d",
    notify=True,
    partitions=6,
)
WORKER_BYTES = (
    b'{"type":"worker","v":1,"name":"w1","state":"ready","model":{"name":"m","sizes":[[512,256]],'
    b'"levels":[{"name":"fast","steps":4}],"languages":["en","ru"],"device":"cuda","revision":"9c4f"},'
    b'"seconds":{"fast":2.5},"silence":0.5}'
)
WORKER = WorkerState(
    name="w1",
    state="ready",
    model=Model(
        name="m",
        sizes=((512, 256),),
        levels=(Level(name="fast", steps=4),),
        languages=("en", "ru"),
        device="cuda",
        revision="9c4f",
    ),
    seconds={"fast": 2.5},
    silence=0.5,
)

Decode = Callable[[bytes], Any]
KINDS = [
    *((value, event, encode_event, decode_event) for value, event in EVENTS.items()),
    (REQUEST_BYTES, REQUEST, encode_request, decode_request),
    (b'{"type":"grown","v":1,"number":6}', Grown(number=6), encode_request, decode_grown),
    (WORKER_BYTES, WORKER, encode_worker, decode_worker),
]
DECODERS: list[Decode] = [decode_event, decode_request, decode_grown, decode_worker]


def _name(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, msgspec.Struct) else ""


def _changed(value: bytes, **fields: Any) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(value) | fields)


@pytest.mark.parametrize(("value", "record", "encode", "decode"), KINDS, ids=_name)
def test_golden_bytes(value: bytes, record: Any, encode: Callable[[Any], bytes], decode: Decode) -> None:
    """The bytes of each record are these for ever, and they are read back as the record they were."""
    assert encode(record) == value
    assert decode(value) == record


def test_golden_bytes_of_a_setting() -> None:
    """What the owner decides is held in bytes that never change, too."""
    assert encode_drain(Drain(on=True)) == b'{"type":"drain","v":1,"on":true}'
    assert encode_partitions(6) == b'{"type":"partitions","v":1,"number":6}'
    assert personal(Ban(person="tg:1", on=True)) == (
        "ban:tg:1",
        b'{"type":"ban","v":1,"person":"tg:1","on":true}',
    )


def test_every_kind_of_event_has_golden_bytes() -> None:
    """No event can be added without its bytes being held here."""
    assert {type(event) for event in EVENTS.values()} == set(Event.__args__)


@pytest.mark.parametrize(("value", "record", "encode", "decode"), KINDS, ids=_name)
def test_unknown_fields_are_tolerated(value: bytes, record: Any, encode: object, decode: Decode) -> None:
    """A field that a newer program added does not keep this one from reading the record."""
    assert decode(_changed(value, added={"by": ["a newer", 1]})) == record


@pytest.mark.parametrize(("value", "record", "encode", "decode"), KINDS, ids=_name)
def test_another_version_is_not_read(value: bytes, record: object, encode: object, decode: Decode) -> None:
    """A record of version 2, or of none that is a number, is none this program knows."""
    for version in (2, 0, "1", None):
        assert decode(_changed(value, v=version)) is None


@pytest.mark.parametrize(("value", "record", "encode", "decode"), KINDS, ids=_name)
def test_an_unknown_kind_is_not_read(value: bytes, record: object, encode: object, decode: Decode) -> None:
    """A record of a kind that this program does not know is none to it."""
    assert decode(_changed(value, type="repainted")) is None
    assert decode(_changed(value, type=None)) is None


@pytest.mark.parametrize(("value", "record", "encode", "decode"), KINDS, ids=_name)
def test_a_version_may_be_left_out(value: bytes, record: Any, encode: object, decode: Decode) -> None:
    """A record without `v` is of version 1."""
    fields = msgspec.json.decode(value)
    del fields["v"]
    assert decode(msgspec.json.encode(fields)) == record


def test_what_an_earlier_program_left_out_is_read() -> None:
    """A worker that does not know of revisions yet is seen by newer ones, which take it to have none."""
    earlier = WORKER_BYTES.replace(b',"revision":"9c4f"', b"")
    assert earlier != WORKER_BYTES
    assert WORKER.model is not None
    assert decode_worker(earlier) == msgspec.structs.replace(
        WORKER, model=msgspec.structs.replace(WORKER.model, revision="")
    )


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b'"\xff"',
        b'{"type":"started\xff"}',
        b'{"type":"erased","person":"\xff","upto":1}',
        b'{"type":"request","id":"\xc3","person":"p","prompt":"x","seed":1}',
        b'{"type":"worker","name":"\xe2\x82","state":"ready"}',
        b'{"type":"erased","person":"\\ud800","upto":1}',
        b"[" * LONG + b"]" * LONG,
        b'{"x":' * LONG + b"1" + b"}" * LONG,
        b'{"type":"started","x":' + b"[" * LONG + b"]" * LONG + b"}",
        b'{"type":"erased","person":"p","upto":1e400}',
        b'{"type":"erased","person":"p","upto":' + b"9" * LONG + b"}",
        b'{"type":"started","request":"r","at":1,"token":[1]}',
        b'{"type":"started","request":"r","at":1,"token":null}',
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_what_can_not_be_read_is_none(decode: Decode, value: bytes) -> None:
    """Broken text, broken UTF-8 inside a string, numbers and nesting beyond all bounds are never raised."""
    assert decode(value) is None


@given(st.sampled_from([value for value, *_ in KINDS]), st.data())
def test_damaged_bytes_are_never_raised(value: bytes, data: st.DataObject) -> None:
    """A record with bytes changed, lost or added is read as a record or as none."""
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))
    damaged = value[:start] + data.draw(st.binary(max_size=6)) + value[end:]
    for decode in DECODERS:
        decode(damaged)


def test_the_same_source_gives_the_same_id() -> None:
    """A person's message has one id for ever, and another message or another person has another one."""
    assert request_id("ann", "m1") == "fe38cf2c-7348-5cd6-a703-dfba644d0cdb"
    assert len({request_id(person, source) for person in ("ann", "bob") for source in ("m1", "m2")}) == 4


@given(st.text(st.characters(exclude_categories=("Cs",))), st.integers(1, 64))
def test_a_person_has_one_partition(person: str, partitions: int) -> None:
    """The partition follows from the person alone and is one that exists."""
    partition = partition_of(person, partitions)
    assert partition == partition_of(person, partitions)
    assert 0 <= partition < partitions


def test_partitions_never_move() -> None:
    """The partition of a person is the same in every program: CRC-32, not Python's own hash."""
    assert [partition_of(person, 12) for person in ("ann", "bob", "tg:5")] == [3, 8, 4]
