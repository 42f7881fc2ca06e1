"""Attention, a few heads or rows at a time: what stays in the cache is read faster."""

import math

import torch
from torch import Tensor, nn

LOG2_E = 1 / math.log(2)
_SCORES = 5 * 2**20  # numbers: about so many scores are in memory at once
_SUMS = (2.0**-100, 2.0**100)  # of powers, which fp32 and bf16 tell from nothing and from infinity


def attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the values, weighted by the softmax to the base 2 of the scores; to the base e, scale by LOG2_E.

    (heads, queries, channels), and twice (heads, keys, channels) -> as the first.
    Vaswani et al. 2017, equation 1.
    """
    if query.device.type != "cpu":  # a GPU's fused products take four dimensions only
        four = (query[None], key[None], value[None])
        return nn.functional.scaled_dot_product_attention(*four, scale=1 / LOG2_E)[0]
    # torch's own for CPUs has no fast product in bf16.
    (count, queries, _), keys = query.shape, key.shape[1]
    rows = math.ceil(queries / math.ceil(queries * keys / _SCORES))
    heads = max(1, _SCORES // (rows * keys)) if rows == queries else 1
    seen, scratch = torch.empty_like(query), query.new_empty(heads * rows * keys)
    for some in _parts(count, heads):
        for few in _parts(queries, rows):
            asked = query[some, few]
            scores = scratch[: asked.shape[0] * asked.shape[1] * keys].view(*asked.shape[:2], keys)
            seen[some, few] = _weighed(asked, key[some], value[some], scores)
    return seen


def _weighed(query: Tensor, key: Tensor, value: Tensor, scores: Tensor) -> Tensor:
    """Attend as `attended` does; `scores`, (heads, queries, keys), is scratch."""
    # Softmax looks for the largest score first. It need not be known while all sums are within the range of numbers.
    sums = torch.bmm(query, key.mT, out=scores).exp2_().sum(-1, keepdim=True)
    low, high = (float(edge) for edge in torch.aminmax(sums))
    if _SUMS[0] <= low and high <= _SUMS[1]:
        return torch.bmm(scores, value).div_(sums)
    torch.softmax(torch.bmm(query, key.mT, out=scores).div_(LOG2_E), -1, out=scores)
    return torch.bmm(scores, value)


def _parts(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
