"""Convolutions whose weights lie as oneDNN reads them: torch lays them so anew in each call."""

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from prompt2pic.painters.modules import exchange

Convolution: TypeAlias = nn.Conv2d | nn.ConvTranspose2d


def pack(module: nn.Module) -> None:
    """Have the convolutions in a module on a CPU keep their weights packed; results are the same to rounding."""
    exchange(
        module,
        lambda layer: Packed(layer) if isinstance(layer, Convolution) and _has_packed(layer) else layer,
    )


class Packed(nn.Module):
    """A convolution by oneDNN. Its weights are packed when it sees how large pictures are."""

    def __init__(self, stock: Convolution) -> None:
        super().__init__()
        self._weight, self._bias = stock.weight.detach(), stock.bias
        ops = torch.ops.mkldnn
        self._how: list[Any] = [stock.padding, stock.stride, stock.dilation, stock.groups]
        if isinstance(stock, nn.ConvTranspose2d):
            self._how.insert(1, stock.output_padding)
            self._pack = ops._reorder_convolution_transpose_weight.default
            self._convolve = ops._convolution_transpose_pointwise.default
        else:
            self._pack = ops._reorder_convolution_weight.default
            self._convolve = ops._convolution_pointwise.default

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, the convolution's channels, height, width)."""
        if not self._weight.is_mkldnn:
            self._weight = self._pack(self._weight, *self._how, x.shape)
        y: Tensor = self._convolve(x, self._weight, self._bias, *self._how, "none", [], "")
        return y


def _has_packed(layer: Convolution) -> bool:
    """Whether this CPU, and this build of torch, can do a layer packed."""
    if (
        not torch.backends.mkldnn.is_available()
        or layer.padding_mode != "zeros"
        or isinstance(layer.padding, str)
    ):
        return False
    dtype = layer.weight.dtype
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )
