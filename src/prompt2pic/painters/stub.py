"""A painter that only waits and draws the prompt, for load trials; it needs Pillow and nothing else."""

import colorsys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from prompt2pic.core.errors import PaintFailed
from prompt2pic.core.ports import Level, Model, Painted, PaintOrder, Step
from prompt2pic.painters.orders import level_of
from prompt2pic.painters.png import encode_png, encode_preview, parameters

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

SIZES = ((512, 512), (768, 512), (512, 768), (1024, 1024), (128, 128))
LEVELS = (Level(name="fast", steps=10), Level(name="balanced", steps=15), Level(name="best", steps=20))
SYSTEM_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "Arial.ttf")
Colour: TypeAlias = tuple[int, int, int]
PILLOWS_FONT = ""  # has no Cyrillic

_LATIN = dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True))
_LATIN |= {"ё": "yo", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch"}
_LATIN |= {"ъ": "", "ь": "", "ю": "yu", "я": "ya"}
_TO_LATIN = str.maketrans(_LATIN | {letter.upper(): latin.capitalize() for letter, latin in _LATIN.items()})


class StubPainter:
    """Takes `seconds` a picture at best, three quarters of that at balanced and half at fast; any size."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._font: str | None = None

    def load(self, progress: Callable[[float, str], None]) -> Model:
        """Find a font and announce the model."""
        progress(0.0, "font")
        self._font = _find_font()
        progress(1.0, "font")
        return Model(name=f"stub:{self._seconds:g}", sizes=SIZES, levels=LEVELS, languages=("en", "ru"))

    def estimate(self) -> dict[str, float]:
        """Return the seconds of each level, which are what was asked for."""
        return {level.name: self._duration(level) for level in LEVELS}

    def paint(self, order: PaintOrder, on_step: Callable[[Step], None]) -> Iterator[Painted]:
        """Draw the prompt and wait, calling `on_step` after each of the level's equal parts of the time."""
        if self._font is None:
            raise PaintFailed("painter-not-loaded")
        level = level_of(order, LEVELS)
        for picture, (seed, other) in enumerate(order.seeds()):
            started = time.monotonic()
            ground = _ground(order, seed, other)
            painted = _painted(order, level, seed, self._font, ground)
            self._wait(started, level, picture, on_step, _preview(ground))
            yield painted

    def unload(self) -> None:
        """Forget the font."""
        self._font = None

    def _duration(self, level: Level) -> float:
        return self._seconds * level.steps / LEVELS[-1].steps

    def _wait(
        self, started: float, level: Level, picture: int, on_step: Callable[[Step], None], preview: bytes
    ) -> None:
        part = self._duration(level) / level.steps
        for step in range(1, level.steps + 1):
            time.sleep(max(0.0, started + part * step - time.monotonic()))
            on_step(Step(picture=picture, step=step, steps=level.steps, preview=preview))


def _painted(order: PaintOrder, level: Level, seed: int, font: str, ground: Colour) -> Painted:
    return Painted(
        png=_draw(order, level, seed, font, ground),
        seed=seed,
        width=order.width,
        height=order.height,
        painted_width=order.width,
        painted_height=order.height,
    )


def _draw(order: PaintOrder, level: Level, seed: int, font: str, ground: Colour) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (order.width, order.height), ground)
    small = min(image.size)
    text = order.prompt.translate(_TO_LATIN) if font == PILLOWS_FONT else order.prompt
    lines = "\n".join(textwrap.wrap(text, 26)[:12])
    face = _open(font, max(8.0, small / 18))
    ImageDraw.Draw(image).multiline_text((small / 20, small / 20), lines, "white", face)
    return encode_png(image, _told(order, level, seed), compress_level=1)


def _told(order: PaintOrder, level: Level, seed: int) -> str:
    settings: dict[str, object] = {
        "Steps": level.steps,
        "Seed": seed,
        "Size": f"{order.width}x{order.height}",
        "Model": "stub",
        "Level": level.name,
    }
    if order.strength is not None:
        settings["Variation strength"] = order.strength
    return parameters(order.prompt, order.negative, settings)


def _ground(order: PaintOrder, seed: int, other: int | None) -> Colour:
    # Steps of the golden ratio keep the hues of neighbouring seeds apart; dark enough for white letters.
    hue = seed * 0.6180339887498949 % 1.0
    if other is not None:
        hue += ((other * 0.6180339887498949 - hue) % 1.0) * (order.strength or 0.0)
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, 0.5)
    return round(red * 255), round(green * 255), round(blue * 255)


def _preview(ground: Colour) -> bytes:
    from PIL import Image

    return encode_preview(Image.new("RGB", (8, 8), ground))


def _find_font() -> str:
    for name in SYSTEM_FONTS:
        try:
            _open(name, 16.0)
        except OSError:
            continue
        return name
    return PILLOWS_FONT


def _open(font: str, size: float) -> "FreeTypeFont | BitmapFont":
    from PIL import ImageFont

    if font == PILLOWS_FONT:
        return ImageFont.load_default(size)
    return ImageFont.truetype(font, size, layout_engine=ImageFont.Layout.BASIC)
