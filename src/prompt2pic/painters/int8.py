"""Linear layers in 8 bits: weights and activations, products by oneDNN with the CPU's VNNI instructions."""

import math
from typing import Any

import torch
from torch import Tensor, nn

_NOTHING = 1e-30  # a range that counts as none


def has_vnni(flags: frozenset[str]) -> bool:
    """Whether a CPU with these flags multiplies 8-bit numbers in hardware; elsewhere oneDNN takes minutes for it."""
    return bool(flags & {"avx512_vnni", "avx_vnni", "amx_int8"}) and hasattr(
        torch.ops.onednn, "qlinear_prepack"
    )


def in_int8(layer: Any) -> "Int8Linear":
    """Return a linear layer, torch's or the blocks', in 8 bits whose results have the precision that it had."""
    weight = layer.weight.detach().float()
    scale = weight.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / 127
    return Int8Linear((weight / scale[:, None]).round().to(torch.int8), scale, layer.bias)


class Int8Linear(nn.Module):
    """A linear layer with one scale for each row of its weights and one for each matrix that it is given.

    Jacob et al. 2018 (arXiv:1712.05877), equations 1 to 4; the activations' range is taken from what is given.
    """

    def __init__(self, weight: Tensor, scale: Tensor, bias: Any) -> None:
        super().__init__()
        self._weight = torch.ops.onednn.qlinear_prepack(weight, None)
        self._scale = scale
        self._zeros = torch.zeros(len(scale), dtype=torch.int32)
        self._bias = None if bias is None else bias.detach().float()

    def forward(self, x: Tensor, plus: Tensor | None = None, gelu: bool = False) -> Tensor:
        """(..., inputs) -> (..., outputs), plus `plus`, and their GELU; a range without an end gives no numbers."""
        low, high = (float(edge) for edge in torch.aminmax(x))
        span = max(high, 0.0) - min(low, 0.0)
        if not math.isfinite(span):
            return x.new_full((*x.shape[:-1], len(self._scale)), torch.nan)
        steps = _in_eight_digits(255 / span) if span > _NOTHING else 1.0
        zero = round(-min(low, 0.0) * steps)
        # oneDNN rounds them to 8 bits without a sign, what is beyond those to the last one.
        rounded = torch.add(x.new_tensor(float(zero)), x, alpha=steps).to_mkldnn(torch.uint8)
        given = (rounded, 1 / steps, zero, self._weight, self._scale, self._zeros)
        if plus is not None and not gelu:
            added: Tensor = torch.ops.onednn.qlinear_pointwise.binary(
                *given, plus.contiguous(), self._bias, 1.0, 0, x.dtype, 1.0, 0, "add", 1.0, "none", [], ""
            )
            return added
        name, algorithm = ("gelu", "none") if gelu and plus is None else ("none", "")
        result: Tensor = torch.ops.onednn.qlinear_pointwise(
            *given, self._bias, 1.0, 0, x.dtype, name, [], algorithm
        )
        # oneDNN takes no GELU of a sum, and to add there costs a wide layer more than a pass does.
        return result if plus is None else torch.ops.aten.gelu_(result.add_(plus))


def _in_eight_digits(number: float) -> float:
    """Return the next number below of 8 binary digits: torch rounds to one what it multiplies a bf16 matrix with."""
    fraction, exponent = math.frexp(number)
    return math.ldexp(math.floor(fraction * 256), exponent - 8)
