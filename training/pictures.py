"""Pictures of one or two objects on a plain ground."""

import numpy as np
import torch
from torch import nn

from training.colours import COLOURS, Colour

SIDE = 256  # pixels
LUMA = np.array([0.3, 0.59, 0.11], np.float32)


def ground(colour: Colour) -> np.ndarray:
    """A ground of one colour, a little lighter above."""
    light = np.linspace(1.04, 0.92, SIDE, dtype=np.float32)[:, None, None]
    return np.clip(np.array(colour, np.float32) * light * np.ones((SIDE, SIDE, 1), np.float32), 0, 255)


GROUNDS = {name: ground(colour) for name, colour in COLOURS.items()}


def scaled(shape: np.ndarray, side: int) -> np.ndarray:
    """RGBA bytes at another size, as floats."""
    tensor = torch.tensor(shape).permute(2, 0, 1)[None].float()
    small = nn.functional.interpolate(tensor, size=(side, side), mode="bilinear", antialias=True)
    return small[0].permute(1, 2, 0).numpy()


def paste(picture: np.ndarray, shape: np.ndarray, scale: float, across: float, down: float) -> None:
    """Lay a shape over the picture, its centre at shares of the width and height; what sticks out is cut."""
    side = int(SIDE * scale)
    left, top = int(across * SIDE - side / 2), int(down * SIDE - side / 2)
    columns, rows = range(max(0, left), min(SIDE, left + side)), range(max(0, top), min(SIDE, top + side))
    layer = scaled(shape, side)[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    cover = layer[..., 3:] / 255
    below = picture[rows.start : rows.stop, columns.start : columns.stop]
    picture[rows.start : rows.stop, columns.start : columns.stop] = (
        below * (1 - cover) + layer[..., :3] * cover
    )


def recoloured(shape: np.ndarray, colour: Colour) -> np.ndarray:
    """The shape in shades of one colour, its mean lightness the colour itself."""
    values, cover = shape[..., :3].astype(np.float32) / 255, shape[..., 3:].astype(np.float32) / 255
    luma = (values @ LUMA)[..., None]
    light = np.clip(luma - (luma * cover).sum() / cover.sum() + 0.5, 0, 1)
    tint = np.array(colour, np.float32) / 255
    shades = np.where(light < 0.5, tint * light * 2, tint + (1 - tint) * (light * 2 - 1))
    return np.concatenate([shades * 255, shape[..., 3:]], -1).round().astype(np.uint8)
