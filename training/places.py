"""Start a prior that knows where it is, and where the plan for a place stands.

Würstchen's prior has no position embeddings, and at full noise every place looks alike to it. It learns
where it is only from the zero padding of its 3x3 convolutions, one place further from the edge a layer, and
then which words matter there: that takes long. So it starts with both:

- Chains of channels: a constant is shifted in from each edge, layer by layer, until four steps from all sides
  tell the 64 places of an 8x8 map apart.
- Two heads of each later layer, which compare these with the code of a plan token (see `training.text_encoder`):
  the place asks for the token that plans it.

All of it stays trainable.
"""

import torch
from diffusers.models.attention_processor import Attention
from diffusers.pipelines.deprecated.wuerstchen import WuerstchenPrior
from torch import nn

STEPS = 4  # places from an edge
TAPS = [(1, 0), (1, 2), (0, 1), (2, 1)]  # a 3x3 kernel's left, right, upper and lower neighbour
LEFT, RIGHT, UPPER, LOWER = range(4)
CHAINS = len(TAPS) * (STEPS + 1)
CODE = 8  # channels of a plan token's code: four rows, four columns
CHANNELS = CHAINS + CODE  # kept from the other layers at the start

CONSTANT = 1.5  # at the start of a chain
GAINS = [0.4, 0.53, 0.55, 0.64]  # keep a chain's strength against the growth of the other channels
CALM = 0.6  # of the usual start, for what layers add

HEADS = 2
STRENGTH = 3.2  # of the code, on its way to the keys
KEY = 2.3  # what it arrives with
REACHED, UNREACHED = 2.08, -0.22  # a normalised chain on both sides of its step
MATCH = 5.0  # logits for the right row, and for the right column


def channel(side: int, step: int) -> int:
    """The channel that says: further than `step` - 1 from a side's edge."""
    return side * (STEPS + 1) + step


@torch.no_grad()
def start(network: WuerstchenPrior) -> None:
    """Give the network its places, and layers that begin calm and blind to time."""
    network.projection.weight[:CHANNELS] = 0
    network.projection.bias[:CHANNELS] = 0
    for side in range(len(TAPS)):
        network.projection.bias[channel(side, 0)] = CONSTANT
    _pass_code(network.cond_mapper[0], 0, STRENGTH)
    _pass_code(network.cond_mapper[2], 0, 1.0)
    for number in range(len(network.blocks) // 3):
        _start_layer(number, *network.blocks[3 * number : 3 * number + 3])


def _start_layer(number: int, convolution: nn.Module, clock: nn.Module, reader: nn.Module) -> None:
    _keep(convolution.depthwise, convolution.channelwise[4])
    if number < STEPS:
        _shift(convolution.depthwise, convolution.channelwise, number)
    nn.init.zeros_(clock.mapper.weight)
    nn.init.zeros_(clock.mapper.bias)
    _calm(reader.attention.to_out[0])
    _pass_code(reader.kv_mapper[1], CHAINS, 1.0)
    if number >= STEPS - 1:
        for head in range(HEADS):
            _look(reader.attention, head)


def _pass_code(layer: nn.Linear, first: int, gain: float) -> None:
    """Let a layer pass the code on, into channels from `first` on."""
    rows = slice(first, first + CODE)
    layer.weight[rows] = 0
    layer.bias[rows] = 0
    layer.weight[rows, :CODE] = gain * torch.eye(CODE)


def _calm(layer: nn.Linear) -> None:
    """Let a layer add less, and nothing to the kept channels."""
    layer.weight.mul_(CALM)
    layer.weight[:CHANNELS] = 0
    layer.bias[:CHANNELS] = 0


def _keep(depthwise: nn.Conv2d, last: nn.Linear) -> None:
    """Let a block pass the kept channels on as they are."""
    depthwise.weight[:CHANNELS] = 0
    depthwise.weight[:CHANNELS, :, 1, 1] = 1
    depthwise.bias[:CHANNELS] = 0
    _calm(last)


def _shift(depthwise: nn.Conv2d, mix: nn.Sequential, step: int) -> None:
    """Let a block write the next link of each chain: the neighbour's present one, through one hidden unit."""
    for side, (row, column) in enumerate(TAPS):
        source = channel(side, step)
        depthwise.weight[source] = 0
        depthwise.weight[source, 0, row, column] = 1
        mix[0].weight[side] = 0
        mix[0].bias[side] = 0
        mix[0].weight[side, source] = 1
        mix[4].weight[:, side] = 0
        mix[4].weight[channel(side, step + 1), side] = GAINS[step]


def _look(attention: Attention, head: int) -> None:
    """Let a head ask for the token whose code has the place's row and column."""
    size = attention.to_q.weight.shape[0] // attention.heads
    first = head * size
    attention.to_q.weight[first : first + size] = 0
    attention.to_q.bias[first : first + size] = 0
    attention.to_k.weight[first : first + CODE] = 0
    attention.to_k.bias[first : first + CODE] = 0
    attention.to_k.weight[first : first + CODE, CHAINS:CHANNELS] = torch.eye(CODE)
    gain = MATCH * size**0.5 / KEY
    _quarter(attention.to_q, first, UPPER, LOWER, gain)
    _quarter(attention.to_q, first + CODE // 2, LEFT, RIGHT, gain)


def _quarter(query: nn.Linear, first: int, near: int, far: int, gain: float) -> None:
    """Write the four quarters between two edges: 1 - A, A - B, B + C - 1, 1 - C for three points that are passed."""
    slope = gain / (REACHED - UNREACHED)
    a, b, c = channel(near, 2), channel(near, 4), channel(far, 2)
    for quarter, (constant, signs) in enumerate(
        [(1, {a: -1}), (0, {a: 1, b: -1}), (-1, {b: 1, c: 1}), (1, {c: -1})]
    ):
        row = first + quarter
        for source, sign in signs.items():
            query.weight[row, source] = sign * slope
        query.bias[row] = constant * gain - sum(signs.values()) * slope * UNREACHED
