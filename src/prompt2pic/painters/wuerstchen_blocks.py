"""The blocks of Würstchen's denoisers, to diffusers' numbers but with fewer passes over memory.

diffusers takes a norm over the long axis of a matrix (slow on a CPU), makes five temporary matrices of its widest
layer, attends to all heads at once, and counts time in the precision of the weights, where bf16 can't count to 10,000.
"""

import weakref
from functools import partial
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import MixingResidualBlock
from torch import Tensor, nn

_SCORES = 2**24  # numbers: so many scores of attention are in memory at once
_FEWER = 8  # times fewer where those of one head are more: what stays in the cache is read faster
_PLACES = 2048  # of a picture whose widest layer is in memory at once


def quicken(module: Any) -> Any:
    """Have the blocks of a WuerstchenPrior, WuerstchenDiffNeXt or PaellaVQModel computed here, changing it in place."""
    for block in list(module.modules()):
        if isinstance(block, MixingResidualBlock):
            block.forward = partial(_mixed, block)
        elif isinstance(getattr(block, "channelwise", None), nn.Sequential):
            block.channelwise = Channelwise(block.channelwise)
        if isinstance(getattr(block, "attention", None), Attention):
            block.attention = MultiHead(block.attention)
    if hasattr(module, "gen_r_embedding"):
        # Weakly, so that a module that nobody holds any more is gone at once.
        module.gen_r_embedding = partial(_told_time, weakref.ref(module))
    return module


def _told_time(held: "weakref.ref[Any]", time: Tensor) -> Tensor:
    """Return the embedding of the time, counted in fp32, as the held denoiser takes it."""
    denoiser: Any = held()
    embedding: Tensor = type(denoiser).gen_r_embedding(denoiser, time.float())
    return embedding.to(denoiser.dtype)


class Channelwise(nn.Module):
    """The linear layers of a block with GELU and global response normalisation between them.

    (batch, height, width, channels) -> the same. Woo et al. 2023 (ConvNeXt V2), equations 1 to 3: x times
    (1 + gamma N) plus beta; as the second layer is linear, beta goes into its bias.
    """

    def __init__(self, stock: nn.Sequential) -> None:
        super().__init__()
        self.up, _, response, _, self.down = stock
        self.gamma, beta = response.gamma, response.beta.flatten().float()
        self.down.bias.data += (self.down.weight.float() @ beta).to(self.down.bias.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's part of the sum."""
        x = torch.ops.aten.gelu_(self.up(x))
        size = _size(x)
        x.mul_(1 + self.gamma * (size / (size.mean(dim=-1, keepdim=True) + 1e-6)))
        result: Tensor = self.down(x)
        return result


def _size(x: Tensor) -> Tensor:
    """Return each channel's norm over a picture, shape (batch, 1, 1, channels)."""
    if x.dtype == torch.float16:  # whose squares may be more than it can say
        norm: Tensor = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        return norm
    return (x * x).sum(dim=(1, 2), keepdim=True).sqrt()


def _mixed(block: MixingResidualBlock, x: Tensor) -> Tensor:
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


class MultiHead(nn.Module):
    """Attention of a picture to itself and to words, a few heads at a time.

    (batch, channels, height, width), and (batch, tokens, channels) of what is attended to -> as the first.
    Vaswani et al. 2017, equation 1.
    """

    def __init__(self, stock: Attention) -> None:
        super().__init__()
        self.heads, self.scale = stock.heads, stock.scale
        self.query, self.out = stock.to_q, stock.to_out[0]
        self.key, self.value = stock.to_k, stock.to_v

    def forward(self, picture: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        """Return what each place of the picture attends to."""
        query = self._split(self.query(picture.flatten(2).transpose(1, 2)))
        key, value = (self._split(layer(encoder_hidden_states)) for layer in (self.key, self.value))
        seen = _attended(query, key, value, self.scale)
        joined = seen.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)
        result: Tensor = self.out(joined)
        return result.transpose(1, 2).reshape(picture.shape)

    def _split(self, x: Tensor) -> Tensor:
        """(batch, tokens, channels) -> (batch x heads, tokens, channels of a head)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2).flatten(0, 1)


def _attended(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    if query.device.type != "cpu":  # a GPU's fused products take four dimensions only
        return nn.functional.scaled_dot_product_attention(query[None], key[None], value[None], scale=scale)[0]
    # torch's own for CPUs has no fast product in bf16.
    (count, queries, _), keys = query.shape, key.shape[1]
    rows = queries if queries * keys <= _SCORES else max(1, _SCORES // _FEWER // keys)
    heads = max(1, _SCORES // (rows * keys)) if rows == queries else 1
    seen, scratch = torch.empty_like(query), query.new_empty(heads * rows * keys)
    for some in _parts(count, heads):
        for few in _parts(queries, rows):
            asked = query[some, few]
            scores = scratch[: asked.shape[0] * asked.shape[1] * keys].view(*asked.shape[:2], keys)
            torch.bmm(asked * scale, key[some].transpose(1, 2), out=scores)
            torch.softmax(scores, -1, out=scores)  # another matrix would cost as much as the product
            seen[some, few] = torch.bmm(scores, value[some])
    return seen


def _parts(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
