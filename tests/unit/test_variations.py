"""Variations: what may be asked for, and what a painter is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.asks import Ask, Limits, check
from prompt2pic.core.errors import Refused
from prompt2pic.core.intake import request_of
from prompt2pic.core.ports import PaintOrder


def order(**fields: object) -> PaintOrder:
    """Return an order of four pictures."""
    return PaintOrder(prompt="x", width=64, height=64, count=4, seed=7, **fields)  # type: ignore[arg-type]


@given(st.floats(0, 1, exclude_min=True))
def test_a_strength_above_0_and_up_to_1_is_taken(strength: float) -> None:
    """It comes into the request as it is, with the seed that it is a variation of."""
    ask = check(Ask(prompt="кот", seed=7, strength=strength), Limits())
    made = request_of(
        ask,
        id="r",
        person="ann",
        seed=1,
        model=None,
        language="ru",
        digest="",
        limits=Limits(),
        reply={"kind": "web"},
    )
    assert (made.strength, made.seed) == (strength, 7)


@given(st.floats().filter(lambda strength: not 0 < strength <= 1))
def test_another_strength_is_refused(strength: float) -> None:
    """None, less than none, more than all and no number at all."""
    with pytest.raises(Refused) as caught:
        check(Ask(prompt="кот", seed=7, strength=strength), Limits())
    assert (caught.value.key, caught.value.param) == ("strength-wrong", "variation_strength")


def test_variations_need_a_seed() -> None:
    """A variation of nothing is refused."""
    with pytest.raises(Refused) as caught:
        check(Ask(prompt="кот", strength=0.2), Limits())
    assert caught.value.key == "strength-without-seed"


def test_the_seeds_of_an_order() -> None:
    """Pictures have a seed each; variations share one, and each has another to mix in."""
    assert list(order().seeds()) == [(7, None), (8, None), (9, None), (10, None)]
    assert list(order(strength=0.5).seeds()) == [(7, 8), (7, 9), (7, 10), (7, 11)]
