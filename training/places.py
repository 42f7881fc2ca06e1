"""Start a prior with coordinates.

Würstchen's prior has no position embeddings, and at full noise every place looks alike to it. It learns
where it is only from the zero padding of its 3x3 convolutions, one place further from the edge a layer: that
takes long. So some channels begin as chains: a constant is shifted in from each edge, layer by layer, until
four steps from all sides tell the 64 places of an 8x8 map apart. All of it stays trainable.
"""

import torch
from diffusers.pipelines.deprecated.wuerstchen import WuerstchenPrior
from torch import nn

STEPS = 4  # places from an edge
TAPS = [(1, 0), (1, 2), (0, 1), (2, 1)]  # a 3x3 kernel's left, right, upper and lower neighbour
CONSTANT = 1.5
GAINS = [0.4, 0.55, 0.75, 1.0]  # keep the chain's strength against the growth of the other channels
CALM = 0.6  # of the usual start, for what layers add
CHANNELS = len(TAPS) * (STEPS + 1)


def channel(side: int, step: int) -> int:
    """The channel that says: further than `step` - 1 from a side's edge."""
    return side * (STEPS + 1) + step


@torch.no_grad()
def start(network: WuerstchenPrior) -> None:
    """Give the network coordinates, and layers that begin calm and blind to time."""
    network.projection.weight[:CHANNELS] = 0
    network.projection.bias[:CHANNELS] = 0
    for side in range(len(TAPS)):
        network.projection.bias[channel(side, 0)] = CONSTANT
    for number, block in enumerate(network.blocks):
        if number % 3 == 0:
            _keep(block.depthwise, block.channelwise[4])
            if number // 3 < STEPS:
                _shift(block.depthwise, block.channelwise, number // 3)
        elif number % 3 == 1:
            nn.init.zeros_(block.mapper.weight)
            nn.init.zeros_(block.mapper.bias)
        else:
            _calm(block.attention.to_out[0])


def _calm(layer: nn.Linear) -> None:
    """Let a layer add less, and nothing to the coordinates."""
    layer.weight.mul_(CALM)
    layer.weight[:CHANNELS] = 0
    layer.bias[:CHANNELS] = 0


def _keep(depthwise: nn.Conv2d, last: nn.Linear) -> None:
    """Let a block pass the coordinates on as they are."""
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
