"""Paint a sheet of prompts with assembled weights, through the stock schedulers and samplers of diffusers."""

import time
from pathlib import Path

import torch
from diffusers import DDPMWuerstchenScheduler
from diffusers.pipelines.deprecated.wuerstchen import (
    PaellaVQModel,
    WuerstchenDecoderPipeline,
    WuerstchenDiffNeXt,
    WuerstchenPrior,
    WuerstchenPriorPipeline,
)
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

from training import tables
from training.nets import PATCH
from training.options import parser
from training.pictures import SIDE

COLUMNS = 8


def prior_pipeline(folder: Path) -> WuerstchenPriorPipeline:
    """The prior's pipeline; its from_pretrained does not work since diffusers moved it."""
    return WuerstchenPriorPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer"),
        text_encoder=CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").float(),
        prior=WuerstchenPrior.from_pretrained(folder, subfolder="prior").float(),
        scheduler=DDPMWuerstchenScheduler.from_pretrained(folder, subfolder="scheduler"),
        latent_mean=1.0,
        latent_std=0.0,
        resolution_multiple=PATCH,
    )


def decoder_pipeline(folder: Path) -> WuerstchenDecoderPipeline:
    """The decoder's pipeline."""
    return WuerstchenDecoderPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer"),
        text_encoder=CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").float(),
        decoder=WuerstchenDiffNeXt.from_pretrained(folder, subfolder="decoder").float(),
        scheduler=DDPMWuerstchenScheduler.from_pretrained(folder, subfolder="scheduler"),
        vqgan=PaellaVQModel.from_pretrained(folder, subfolder="vqgan").float(),
        latent_dim_scale=4.0,
    )


class Painter:
    """Paints prompts with both pipelines."""

    def __init__(self, folder: Path, steps: int, guidance: float) -> None:
        self.prior, self.decoder = prior_pipeline(folder / "prior"), decoder_pipeline(folder / "decoder")
        self.steps, self.guidance = steps, guidance
        for pipeline in (self.prior, self.decoder):
            pipeline.set_progress_bar_config(disable=True)

    def paint(self, prompt: str, seed: int) -> Image.Image:
        """A picture of 256x256 pixels."""
        chance = torch.Generator().manual_seed(seed)
        plan = self.prior(
            prompt=prompt,
            height=SIDE,
            width=SIDE,
            num_inference_steps=self.steps,
            guidance_scale=self.guidance,
            generator=chance,
            output_type="pt",
        ).image_embeddings
        return self.decoder(
            image_embeddings=plan, prompt=prompt, num_inference_steps=12, guidance_scale=0.0, generator=chance
        ).images[0]


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """The pictures in rows."""
    rows = -(-len(pictures) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE), "white")
    for number, picture in enumerate(pictures):
        whole.paste(picture, (number % COLUMNS * SIDE, number // COLUMNS * SIDE))
    return whole


def in_few_colours(image: Image.Image) -> Image.Image:
    """The image in 256 colours, dithered: half as large, or a third."""
    return image.quantize(palette=image.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)


def main() -> None:
    """Write sheet.png into the model's folder."""
    options = parser(__doc__)
    options.add_argument(
        "--model", type=Path, help="folder of prior and decoder; `builtin` in the work folder"
    )
    options.add_argument("--prior-steps", type=int, default=20)
    options.add_argument("--guidance", type=float, default=3.0)
    options = options.parse_args()
    folder = options.model or options.work / "builtin"
    painter = Painter(folder, options.prior_steps, options.guidance)
    prompts = tables.lines("sheet")
    began = time.monotonic()
    pictures = [painter.paint(prompt, options.seed + 1) for prompt in prompts]
    print(round((time.monotonic() - began) / len(prompts), 2), "s a picture")
    in_few_colours(sheet(pictures)).save(folder / "sheet.png", optimize=True)


if __name__ == "__main__":
    main()
