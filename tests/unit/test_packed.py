"""Convolutions with packed weights: the same numbers as torch's."""

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the painter's libraries are not installed")
pytest.importorskip("diffusers", reason="the painter's libraries are not installed")

from torch import nn  # noqa: E402

from prompt2pic.painters.packed import Packed, pack  # noqa: E402

CONVOLUTIONS = {
    "smaller": lambda: nn.Conv2d(8, 16, 2, 2),
    "depthwise": lambda: nn.Conv2d(16, 16, 3, padding=1, groups=16),
    "larger": lambda: nn.ConvTranspose2d(16, 8, 2, 2),
    "overlapping": lambda: nn.ConvTranspose2d(16, 8, 4, 2, 1, output_padding=1),
    "unbiased": lambda: nn.Conv2d(8, 4, 1, bias=False),
}
PACKS = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN"
)


def precise(dtype: Any) -> Any:
    """Return a precision as a parameter, left out where oneDNN does not do it on this CPU."""
    here = dtype == torch.float32 or (
        torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return pytest.param(dtype, marks=pytest.mark.skipif(not here, reason="not in oneDNN on this CPU"))


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@PACKS
@pytest.mark.parametrize("threads", [1, 2], indirect=True)
@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("dtype", [precise(torch.float32), precise(torch.bfloat16)])
def test_results_are_the_same(name: str, dtype: Any, threads: int) -> None:
    """In each size, and in both orders of a picture in memory, whichever came first.

    To rounding: with one thread torch does some without oneDNN.
    """
    torch.manual_seed(0)
    stock = CONVOLUTIONS[name]().to(dtype, memory_format=torch.channels_last)
    both = nn.Sequential(stock)
    pack(both)
    assert isinstance(both[0], Packed)
    with torch.inference_mode():
        for side, order in (
            (8, torch.channels_last),
            (12, torch.contiguous_format),
            (6, torch.channels_last),
        ):
            x = torch.randn(2, stock.in_channels, side, side).to(dtype, memory_format=order)
            right, seen = stock(x), both(x)
            assert torch.allclose(seen, right, rtol=0, atol=8 * torch.finfo(dtype).eps)
            assert seen.stride() == right.stride()


@PACKS
@pytest.mark.parametrize("how", [{"padding_mode": "reflect", "padding": 1}, {"padding": "same"}])
def test_what_onednn_does_not_pad_stays_as_it_is(how: dict[str, Any]) -> None:
    """It pads with nothing, and by a number of places."""
    both = nn.Sequential(nn.Conv2d(4, 4, 3, **how))
    pack(both)
    assert isinstance(both[0], nn.Conv2d)


def test_a_precision_that_onednn_does_not_do_stays_as_it_is() -> None:
    """Twice as many digits, say."""
    both = nn.Sequential(nn.Conv2d(4, 4, 1).double())
    pack(both)
    assert isinstance(both[0], nn.Conv2d)
