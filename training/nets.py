"""The networks of the built-in model, in the sizes that two CPU cores train in an evening."""

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel, WuerstchenDiffNeXt, WuerstchenPrior
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from training import places

WORDS = 4098  # entries of the tokenizer, with the two marks below
START, END = 4096, 4097
LENGTH, SHORT = 48, 32  # tokens of a prompt, as the prior and as the decoder read them
PLAN = 16  # the last tokens of a prompt, in which the prior's text encoder plans 4x4 patches
SEMANTIC = 16  # channels of the 8x8 semantic latents between prior and decoder
PATCH = 32.0  # pixels a side that one of them covers
PRIOR_WIDTH, DECODER_WIDTH = 256, 128  # of their text encoders


def autoencoder() -> PaellaVQModel:
    """Stage A: 256 px pictures to 32x32x4 latents and back."""
    return PaellaVQModel(
        levels=3,
        bottleneck_blocks=3,
        embed_dim=192,
        latent_channels=4,
        num_vq_embeddings=1024,
        scale_factor=1.0,
    )


def decoder() -> WuerstchenDiffNeXt:
    """Stage B: semantic latents and words to the latents of stage A."""
    return WuerstchenDiffNeXt(
        c_in=4,
        c_out=4,
        c_r=32,
        patch_size=2,
        c_cond=128,
        c_hidden=[64, 128, 192],
        nhead=[-1, 4, 6],
        blocks=[3, 2, 3],
        level_config=["CT", "CT", "CTA"],
        inject_effnet=[False, True, True],
        effnet_embd=SEMANTIC,
        clip_embd=DECODER_WIDTH,
        dropout=0.0,
    )


def prior() -> WuerstchenPrior:
    """Stage C: words to semantic latents.

    It takes four layers to know where it is (see `training.places`), hence eight and narrow ones. diffusers
    leaves the last layer at its default start, with which training explodes: it begins at zero.
    """
    network = WuerstchenPrior(c_in=SEMANTIC, c=192, c_cond=PRIOR_WIDTH, c_r=64, depth=8, nhead=6, dropout=0.0)
    places.start(network)
    for weight in network.out[1].parameters():
        nn.init.zeros_(weight)
    return network


def text_encoder(width: int, layers: int, length: int) -> CLIPTextModel:
    """A small CLIP text encoder over the tokenizer of `training.tokenizer`."""
    config = CLIPTextConfig(
        vocab_size=WORDS,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=length,
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=END,
        projection_dim=width,
        hidden_act="gelu",
    )
    return CLIPTextModel(config)


def prior_text_encoder() -> CLIPTextModel:
    """The text encoder of stage C."""
    return text_encoder(PRIOR_WIDTH, layers=4, length=LENGTH)


def decoder_text_encoder() -> CLIPTextModel:
    """The text encoder of stage B."""
    return text_encoder(DECODER_WIDTH, layers=1, length=SHORT)


def shortened(tokens: Tensor) -> Tensor:
    """The tokens as the decoder reads them."""
    short = tokens[:, :SHORT].clone()
    short[:, -1] = END
    return short


def read(encoder: CLIPTextModel, tokens: Tensor) -> Tensor:
    """The hidden states of all tokens; as in diffusers, what follows the first end mark is masked."""
    ends = (tokens == END).int().argmax(1)
    mask = (torch.arange(tokens.shape[1], device=tokens.device)[None] <= ends[:, None]).long()
    states: Tensor = encoder(tokens.long(), attention_mask=mask).last_hidden_state
    return states


class Residual(nn.Module):
    """A ConvNeXt-like block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.GroupNorm(1, width)
        self.mix = nn.Sequential(nn.Conv2d(width, width * 4, 1), nn.GELU(), nn.Conv2d(width * 4, width, 1))
        self.gain = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """The input plus what the block adds."""
        return x + self.mix(self.norm(self.depthwise(x))) * self.gain[:, None, None]


class Compressor(nn.Module):
    """Latents of stage A (32x32x4) to semantic latents (8x8x16, each channel of mean 0 and variance 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(16, 64, 1),
            Residual(64),
            nn.Conv2d(64, 128, 2, 2),
            Residual(128),
            Residual(128),
            nn.Conv2d(128, SEMANTIC, 1),
        )
        self.norm = nn.BatchNorm2d(SEMANTIC, affine=False)

    def forward(self, latents: Tensor) -> Tensor:
        """The semantic latents."""
        return self.norm(self.net(latents))


def predict_prior(network: WuerstchenPrior, noisy: Tensor, at: Tensor, words: Tensor) -> Tensor:
    """The noise by the prior's own forward pass: the body in autocast's precision, the ends in fp32."""
    states, when = network.projection(noisy).float(), network.gen_r_embedding(at)
    words = network.cond_mapper(words)
    for number, block in enumerate(network.blocks):
        states = block(states, *[(), (when,), (words,)][number % 3])
    with torch.autocast(noisy.device.type, enabled=False):
        shift, scale = network.out(states.float()).chunk(2, 1)
    return (noisy - shift) / ((1 - scale).abs() + 1e-5)


def predict_decoder(
    network: WuerstchenDiffNeXt, noisy: Tensor, at: Tensor, plan: Tensor, words: Tensor
) -> Tensor:
    """The noise by the decoder's own forward pass: the body in autocast's precision, the ends in fp32."""
    words, when = network.gen_c_embeddings(words), network.gen_r_embedding(at)
    levels = network._down_encode(network.embedding(noisy).float(), when, plan, words)
    states = network._up_decode(levels, when, plan, words)
    with torch.autocast(noisy.device.type, enabled=False):
        shift, scale = network.clf(states.float()).chunk(2, 1)
    return (noisy - shift) / (scale.sigmoid() * 0.998 + 1e-3)
