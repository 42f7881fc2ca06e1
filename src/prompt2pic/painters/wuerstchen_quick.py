"""Würstchen's denoisers by blocks of our own: what diffusers' compute, to rounding, in less time and memory."""

from functools import partial
from typing import Any

import torch
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import (
    MixingResidualBlock,
    PaellaVQModel,
)
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_common import AttnBlock, TimestepBlock
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_diffnext import WuerstchenDiffNeXt
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_prior import WuerstchenPrior
from torch import Tensor, nn

from prompt2pic.painters.kept import Kept
from prompt2pic.painters.wuerstchen_blocks import Attending, Heard, Residual, Timestep, mixed

_LEAST = 1e-3  # of the decoder's divisor, as diffusers has it


def quicken(module: Any) -> Any:
    """Return a WuerstchenPrior, WuerstchenDiffNeXt or PaellaVQModel by our blocks; the given one is taken apart."""
    if isinstance(module, WuerstchenPrior):
        return Prior(module)
    if isinstance(module, WuerstchenDiffNeXt):
        return Decoder(module)
    if isinstance(module, PaellaVQModel):
        for block in module.modules():
            if isinstance(block, MixingResidualBlock):
                block.forward = partial(mixed, block)
    return module


class _Denoiser(nn.Module):
    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.config, self.c_r, self._dtype = stock.config, stock.c_r, stock.dtype
        self._kept = Kept()
        self._mappers: list[Any] = []  # of the time, until all blocks are made
        self.clock: nn.Module = nn.Identity()

    def _clock(self, time: Tensor) -> Tensor:
        """(batch,) -> (batch, channels of all blocks). Counted in fp32, as bf16 can't count to 10,000."""
        embedding: Tensor = WuerstchenPrior.gen_r_embedding(self, time.float())
        told: Tensor = self.clock(embedding.to(self._dtype))
        return told

    def _ours(self, blocks: nn.ModuleList, semantic: int = 0) -> nn.ModuleList:
        """Return our blocks for a list of diffusers', emptied as they are made: each holds a copy of its weights."""
        ours = nn.ModuleList()
        for place in range(len(blocks)):
            ours.append(self._our(blocks[place], semantic))
            blocks[place] = nn.Identity()
        return ours

    def _our(self, block: Any, semantic: int) -> Any:
        if isinstance(block, AttnBlock):
            return Attending(block)
        if isinstance(block, TimestepBlock):
            start = sum(mapper.out_features for mapper in self._mappers)
            self._mappers.append(block.mapper)
            return Timestep(slice(start, start + block.mapper.out_features))
        return block if isinstance(block, nn.Sequential) else Residual(block, semantic)

    def _wind(self) -> None:
        """Have the time mean what it does to each block in one product: alone each would wait for its weights."""
        mappers, self._mappers = self._mappers, []
        if not mappers:
            return
        weight, bias = (torch.cat([getattr(each, name) for each in mappers]) for name in ("weight", "bias"))
        with torch.device("meta"):
            self.clock = nn.Linear(self.c_r, len(bias))
        self.clock.load_state_dict({"weight": weight, "bias": bias}, assign=True)


class Prior(_Denoiser):
    """Stage C: tells the noise in semantic latents from words (Pernias et al. 2023, section 3)."""

    def __init__(self, stock: WuerstchenPrior) -> None:
        super().__init__(stock)
        self.projection, self.mapper, self.out = stock.projection, stock.cond_mapper, stock.out
        self.blocks = self._ours(stock.blocks)
        self._wind()

    def forward(self, x: Tensor, time: Tensor, words: Tensor) -> Tensor:
        """(batch, latents, height, width), (batch,), (batch, tokens, channels) -> the noise, as the first.

        Latents and times that were expanded to the batch are one picture until the first words are heard.
        """
        heard = Heard(self._clock(time), self._kept(words, lambda: self.mapper(words)))
        alike = x.stride(0) == 0 and time.stride(0) == 0
        y = self.projection(x[:1] if alike else x)
        for block in self.blocks:
            y = block(y, heard)
        a, b = self.out(y).chunk(2, dim=1)
        return (x - a) / ((1 - b).abs() + 1e-5)


class Decoder(_Denoiser):
    """Stage B: tells the noise in latents of the vqgan from semantic latents and words."""

    def __init__(self, stock: WuerstchenDiffNeXt) -> None:
        super().__init__(stock)
        self.embedding, self.out = stock.embedding, stock.clf
        self.mapper, self.norm, self.semantic = stock.clip_mapper, stock.seq_norm, stock.effnet_mappers
        levels = [*stock.down_blocks, *stock.up_blocks]
        told = [0 if mapper is None else stock.c_cond for mapper in self.semantic]
        self.levels = nn.ModuleList(
            self._ours(blocks, each) for blocks, each in zip(levels, told, strict=True)
        )
        self._wind()

    def forward(self, x: Tensor, time: Tensor, semantic: Tensor, words: Tensor) -> Tensor:
        """(batch, latents, height, width), (batch,), (batch, semantic latents, their height, their width),
        (batch, tokens, channels) -> the noise, as the first.
        """
        heard = Heard(self._clock(time), self._kept(words, lambda: self.norm(self.mapper(words))))
        y, depth = self.embedding(x), len(self.levels) // 2
        downs: list[Tensor] = []
        for level in range(len(self.levels)):
            skip = downs.pop() if level > depth else None
            y = self._leveled(level, y, semantic, heard._replace(skip=skip))
            if level < depth - 1:
                downs.append(y)
        a, b = self.out(y).chunk(2, dim=1)
        return (x - a) / (b.sigmoid() * (1 - 2 * _LEAST) + _LEAST)

    def _leveled(self, level: int, x: Tensor, semantic: Tensor, heard: Heard) -> Tensor:
        for block in self.levels[level]:
            if isinstance(block, nn.Sequential):  # the picture gets smaller or larger
                x = block(x)
                continue
            x = block(x, heard._replace(semantic=self._resized(level, semantic, x.shape[2:])))
            heard = heard._replace(skip=None)
        return x

    def _resized(self, level: int, semantic: Tensor, size: torch.Size) -> Tensor | None:
        """Return the semantic latents as a level hears them, None where it does not."""
        mapper = self.semantic[level]
        if mapper is None:
            return None

        def make() -> Tensor:
            resized = nn.functional.interpolate(
                semantic.float(), size, mode="bicubic", antialias=True, align_corners=True
            )
            result: Tensor = mapper(resized.to(semantic.dtype))
            return result

        return self._kept(semantic, make, (level, size))
