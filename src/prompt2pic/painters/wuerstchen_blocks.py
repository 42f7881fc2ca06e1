"""The blocks of Würstchen's denoisers and vqgan, to diffusers' numbers but with fewer passes over memory.

diffusers takes a norm over the long axis of a matrix (slow on a CPU), makes five temporary matrices of its widest
layer, attends to all heads at once, and asks words and semantic latents anew in each step.
"""

from functools import partial, reduce
from typing import Any, NamedTuple

import torch
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import MixingResidualBlock
from torch import Tensor, nn

from prompt2pic.painters.attention import LOG2_E, attended
from prompt2pic.painters.kept import Kept

_PART = 2**22  # numbers of the widest layer in one matrix: the C library hands larger ones back to the system
_PLACES = 2048  # of a picture whose widest layer is in memory at once, in the vqgan


class Heard(NamedTuple):
    """What blocks are told besides their picture.

    `clock` has what the time means to all Timestep blocks, (batch, channels of all). `words` (batch, tokens, channels)
    and `semantic` (batch, channels, height, width) are the same objects in each step of a picture. `skip` comes from
    the way down.
    """

    clock: Tensor
    words: Tensor
    semantic: Tensor | None = None
    skip: Tensor | None = None


class Linear(nn.Module):
    """A linear layer that can add to its results, and take their GELU, while they are at hand."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor, plus: Tensor | None = None, gelu: bool = False) -> Tensor:
        """(..., inputs) -> (..., outputs), of which `plus` has the shape."""
        y = nn.functional.linear(x, self.weight, self.bias)
        if plus is not None:
            y.add_(plus)
        if gelu:
            torch.ops.aten.gelu_(y)
        return y


class Residual(nn.Module):
    """A block that mixes neighbours, then channels: linear, GELU, global response normalisation, linear.

    Woo et al. 2023 (ConvNeXt V2), equations 1 to 3: x times (1 + gamma N) plus beta; as the second layer is linear,
    beta goes into its bias. What the first layer makes of the semantic latents is computed once a picture.
    """

    def __init__(self, stock: Any, semantic: int = 0) -> None:
        """Take over a ResBlock, or a ResBlockStageB whose last `semantic` inputs are told."""
        super().__init__()
        self.depthwise, self.norm = stock.depthwise, stock.norm
        up, _, response, _, down = stock.channelwise
        own = up.in_features - semantic
        self.up = Linear(up.weight[:, :own], up.bias)
        self.told: nn.Module | None = Linear(up.weight[:, own:], None) if semantic else None
        self.gamma = response.gamma.flatten(0, 2)
        beta = response.beta.flatten().float()
        self.down = Linear(down.weight, down.bias + (down.weight.float() @ beta).to(down.bias.dtype))
        self._kept = Kept()

    def forward(self, x: Tensor, heard: Heard) -> Tensor:
        """(batch, channels, height, width) -> the same."""
        places = _places(self.norm(self.depthwise(x)))
        if heard.skip is not None:
            places = torch.cat([places, _places(heard.skip)], -1)
        known = None
        if self.told is not None and heard.semantic is not None:
            known = self._kept(heard.semantic, partial(self.told, _places(heard.semantic)))
        return x + self._channelwise(places, known).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)

    def _channelwise(self, places: Tensor, known: Tensor | None) -> Tensor:
        """(batch, places, inputs), (batch, places, channels of the widest layer) -> (batch, places, channels)."""
        size = places.shape[1]
        if places.device.type == "cpu":
            size = max(1, _PART // (len(places) * self.gamma.shape[-1]))
        some = places.split(size, 1)
        knowns = [None] * len(some) if known is None else known.split(size, 1)
        parts = [self.up(part, plus, gelu=True) for part, plus in zip(some, knowns, strict=True)]
        length = reduce(torch.add, map(_squares, parts)).sqrt()
        gain = 1 + self.gamma * (length / (length.mean(-1, keepdim=True) + 1e-6)).to(places.dtype)
        downs = [self.down(part.mul_(gain)) for part in parts]
        return torch.cat(downs, 1) if len(downs) > 1 else downs[0]


def _places(x: Tensor) -> Tensor:
    """(batch, channels, height, width) -> (batch, places, channels)."""
    return x.flatten(2).transpose(1, 2)


def _squares(x: Tensor) -> Tensor:
    """Return the sum of each channel's squares, (batch, 1, channels), in fp32."""
    if x.dtype == torch.float16:  # whose squares may be more than it can say
        return torch.linalg.vector_norm(x, dim=1, keepdim=True).float().square()
    return (x * x).sum(1, keepdim=True).float()


class Timestep(nn.Module):
    """A block that shifts and stretches each channel with the time, of which it hears its `part`."""

    def __init__(self, part: slice) -> None:
        super().__init__()
        self._part = part

    def forward(self, x: Tensor, heard: Heard) -> Tensor:
        """(batch, channels, height, width) -> the same."""
        stretch, shift = heard.clock[: len(x), self._part, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, x, 1 + stretch)


class Attending(nn.Module):
    """A block whose picture attends to itself and to the words; those are asked once a picture."""

    def __init__(self, stock: Any) -> None:
        """Take over an AttnBlock."""
        super().__init__()
        self.norm, self.mapper = stock.norm, stock.kv_mapper
        attention = stock.attention
        self.heads = attention.heads
        query, *rest = (attention.to_q, attention.to_k, attention.to_v)
        scale = attention.scale * LOG2_E
        self.ask = Linear(
            torch.cat([query.weight * scale, *(layer.weight for layer in rest)]),
            torch.cat([query.bias * scale, *(layer.bias for layer in rest)]),
        )
        out = attention.to_out[0]
        self.out = Linear(out.weight, out.bias)
        self._kept = Kept()

    def forward(self, x: Tensor, heard: Heard) -> Tensor:
        """(batch, channels, height, width) -> the same."""
        asked = self._asked(_places(self.norm(x)))
        words = self._kept(heard.words, lambda: self._asked(self.mapper(heard.words)))
        x, asked = x.expand(words.shape[1], -1, -1, -1), asked.expand(-1, words.shape[1], -1, -1, -1)
        query, key, value = (
            torch.cat(part, 2).flatten(0, 1)
            for part in ((asked[0],), (asked[1], words[1]), (asked[2], words[2]))
        )
        seen = attended(query, key, value)
        joined = seen.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)
        return self.out(joined, _places(x).contiguous()).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)

    def _asked(self, places: Tensor) -> Tensor:
        """(batch, places, channels) -> queries, keys and values, (3, batch, heads, places, channels of a head)."""
        return self.ask(places).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)


def mixed(block: MixingResidualBlock, x: Tensor) -> Tensor:
    """Run a block of the vqgan, whose second half knows no neighbours, a few places at a time.

    (batch, channels, height, width) -> the same.
    """
    first, more, far, second, most, wide = block.gammas
    places = block.norm1(x.permute(0, 2, 3, 1)).mul_(1 + first).add_(more)
    x = torch.addcmul(x, block.depthwise(places.permute(0, 3, 1, 2)), far)
    places = x.permute(0, 2, 3, 1).contiguous()
    up, _, down = block.channelwise
    for some in places.flatten(0, 2).split(_PLACES):
        inner = torch.ops.aten.gelu_(up(block.norm2(some).mul_(1 + second).add_(most)))
        some.addcmul_(down(inner), wide)
    return places.permute(0, 3, 1, 2)
