"""Quotas, ages, and what a request says that a person left open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.asks import Ask, Limits
from prompt2pic.core.errors import Refused
from prompt2pic.core.intake import check_age, check_quota, request_of
from prompt2pic.core.ledger import REMEMBERED, Frontier
from prompt2pic.core.ports import Level, Model
from prompt2pic.core.queue import Queue
from prompt2pic.core.requests import Request
from prompt2pic.core.sizes import painted_size
from prompt2pic.core.tally import DAY, DayTally
from tests.unit.samples import HOUR, MODEL, asked, claimed, request, told

NOW = 100 * DAY
LIMITS = Limits(waiting=2, day=10)

times = st.integers(NOW - 2 * DAY, NOW)
asked_for = st.lists(st.tuples(times, st.integers(1, 10)), max_size=20).map(sorted)


def queue_of(*counts: int, age: int = HOUR) -> Queue:
    """Return a queue in which ann asked for so many pictures at a time, an hour ago and each an hour earlier."""
    queue = Queue({0: Frontier()})
    for offset, count in enumerate(counts):
        asked_at = NOW - age - HOUR * (len(counts) - 1 - offset)
        queue.apply(asked(offset, request(f"r{offset}", count=count), asked_at))
        queue.apply(told(offset, claimed(f"r{offset}", offset)))
    return queue


def made(ask: Ask, model: Model | None = None, limits: Limits = LIMITS) -> Request:
    """Return the request for an ask."""
    return request_of(
        ask,
        id="r",
        person="ann",
        seed=5,
        model=model,
        language="ru",
        digest="d",
        limits=limits,
        reply={"kind": "web"},
    )


def test_a_person_may_have_so_many_waiting() -> None:
    """What is being painted does not count; one too many is refused until one of them is done."""
    queue = queue_of(1)
    for offset in (1, 2):
        check_quota(queue, "ann", 1, LIMITS, NOW)
        queue.apply(asked(offset, request(f"r{offset}"), NOW))
    with pytest.raises(Refused) as caught:
        check_quota(queue, "ann", 1, LIMITS, NOW)
    assert (caught.value.key, caught.value.retry_after) == ("quota-waiting", 10.0)
    assert caught.value.args_by_name["limit"] == LIMITS.waiting
    check_quota(queue, "bob", 1, LIMITS, NOW)


def test_a_person_may_have_so_many_a_day() -> None:
    """Pictures are counted, not requests; the refusal says when there is room for as many as were asked for."""
    queue = queue_of(3, 5)
    check_quota(queue, "ann", 2, LIMITS, NOW)
    for count, hours in [(3, 22.0), (5, 22.0), (6, 23.0), (10, 23.0)]:
        with pytest.raises(Refused) as caught:
            check_quota(queue, "ann", count, LIMITS, NOW)
        assert (caught.value.key, caught.value.args_by_name["hours"]) == ("quota-day", hours)
        assert caught.value.args_by_name["limit"] == LIMITS.day
        assert caught.value.retry_after == hours * 3600
        check_quota(queue, "ann", count, LIMITS, NOW + int(hours * HOUR))
    check_quota(queue, "bob", 10, LIMITS, NOW)


@pytest.mark.parametrize(("exact", "told_hours"), [(22.047, 22.0), (22.053, 22.1), (22.26, 22.3)])
def test_hours_are_told_in_tenths(exact: float, told_hours: float) -> None:
    """A person hears the nearest tenth of an hour, a program the seconds."""
    queue = queue_of(10, age=DAY - round(exact * HOUR))
    with pytest.raises(Refused) as caught:
        check_quota(queue, "ann", 1, LIMITS, NOW)
    assert caught.value.args_by_name["hours"] == told_hours
    assert caught.value.retry_after == pytest.approx(exact * 3600)


@given(asked_for, st.integers(1, 30))
def test_there_is_room_when_it_was_said(history: list[tuple[int, int]], wanted: int) -> None:
    """After the seconds that are told, and not before, that many pictures count no longer."""
    tally = DayTally()
    for timestamp, count in history:
        tally.add("ann", timestamp, count)
    before = tally.pictures("ann", NOW)
    assert before == sum(count for timestamp, count in history if timestamp > NOW - DAY)
    seconds = tally.room_in("ann", wanted, NOW)
    assert seconds >= 0
    then = NOW + round(seconds * 1000)
    assert before - tally.pictures("ann", then) >= min(wanted, before)
    if seconds:
        assert before - tally.pictures("ann", then - 1) < wanted


@given(asked_for)
def test_forgetting_changes_no_count(history: list[tuple[int, int]]) -> None:
    """What is more than a day old is dropped, and people with it; the count stays."""
    tally, kept = DayTally(), DayTally()
    for timestamp, count in history:
        for each in (tally, kept):
            each.add("ann", timestamp, count)
    tally.forget(NOW)
    for now in (NOW, NOW + DAY // 2, NOW + DAY):
        assert tally.pictures("ann", now) == kept.pictures("ann", now)
    tally.forget(NOW + DAY)
    assert not tally._asked


def test_a_day_is_24_hours() -> None:
    """A picture counts until a day has passed, to the millisecond."""
    tally = DayTally()
    tally.add("ann", NOW, 3)
    assert tally.pictures("ann", NOW + DAY - 1) == 3
    assert tally.pictures("ann", NOW + DAY) == 0
    assert tally.room_in("ann", 1, NOW + HOUR) == 23 * 3600
    assert tally.room_in("bob", 1, NOW) == 0.0
    tally.add("eve", NOW - DAY, 5)
    tally.add("eve", NOW, 1)
    assert tally.room_in("eve", 1, NOW) == 24 * 3600


def test_a_late_repeat_is_refused() -> None:
    """A message or key is good for 24 hours, which is less than ids are remembered."""
    check_age(NOW - DAY, NOW)
    assert DAY == 24 * HOUR
    assert REMEMBERED == 25 * HOUR
    with pytest.raises(Refused) as caught:
        check_age(NOW - DAY - 1, NOW)
    assert caught.value.key == "message-too-old"


def test_a_request_says_what_was_asked_for() -> None:
    """What the person gave is kept, what they left open is filled in."""
    ask = Ask(prompt="a cat", negative="blur", count=2, seed=9, level="best", width=100, height=200)
    body = made(ask)
    assert (body.prompt, body.negative, body.count, body.seed, body.level) == ("a cat", "blur", 2, 9, "best")
    assert (body.width, body.height, body.language, body.digest) == (100, 200, "ru", "d")
    assert body.reply == {"kind": "web"}
    body = made(Ask(prompt="a cat"))
    assert (body.seed, body.width, body.height, body.level) == (5, None, None, "auto")
    assert made(Ask(prompt="a cat", seed=0)).seed == 0


def test_any_name_of_a_model_is_taken() -> None:
    """A name that no worker paints under means the default one."""
    assert made(Ask(prompt="x", model=MODEL.name), MODEL).model == MODEL.name
    assert made(Ask(prompt="x", model="dall-e-3"), MODEL).model == ""
    assert made(Ask(prompt="x", model=MODEL.name)).model == ""


def test_an_aspect_becomes_a_size() -> None:
    """Of about the model's own area, in steps of 8 pixels; a size that was given wins."""
    for times in (1, 1000):
        assert _sides(made(Ask(prompt="x", aspect=(16 * times, 9 * times)))) == (1368, 768)
    assert _sides(made(Ask(prompt="x", aspect=(9, 16)), MODEL)) == (384, 680)
    wide = Model(name="m", sizes=((768, 512), (320, 320)), levels=())
    assert _sides(made(Ask(prompt="x", aspect=(1, 1)), wide)) == (624, 624)
    assert _sides(made(Ask(prompt="x", aspect=(16, 9), width=100, height=100))) == (100, 100)


@given(
    st.integers(1, 99999),
    st.integers(1, 99999),
    st.sampled_from([(64, 64), (512, 512), (1024, 1024), (2048, 2048)]),
)
def test_an_aspect_keeps_to_the_limits(across: int, down: int, default: tuple[int, int]) -> None:
    """However long and however large the model's own picture: no side is out of bounds, the shape is near."""
    model = Model(name="m", sizes=(default,), levels=(Level(name="fast", steps=1),))
    body = made(Ask(prompt="x", aspect=(across, down)), model)
    assert body.width
    assert body.height
    if max(across, down) * LIMITS.smallest <= min(across, down) * LIMITS.largest:
        assert all(LIMITS.smallest <= side <= LIMITS.largest for side in (body.width, body.height))
        assert 0.85 < body.width / body.height / (across / down) < 1.15


def _sides(body: Request) -> tuple[int | None, int | None]:
    return body.width, body.height


def test_the_nearest_size_is_painted() -> None:
    """First the shape counts, then the area; without a size the model's own is painted."""
    model = Model(name="m", sizes=((512, 512), (768, 512), (512, 768), (1024, 1024)), levels=())
    assert painted_size(model, None, 100) == painted_size(model, 100, None) == (512, 512)
    assert painted_size(model, 1024, 1024) == (1024, 1024)
    assert painted_size(model, 600, 600) == (512, 512)
    assert painted_size(model, 1600, 900) == (768, 512)
    assert painted_size(model, 900, 1600) == (512, 768)
