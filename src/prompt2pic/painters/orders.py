"""What every painter does with an order: find its level, the size to paint at, the size to hand out."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from prompt2pic.core.errors import PaintFailed
from prompt2pic.core.ports import Level, Painted, PaintOrder, Step
from prompt2pic.painters.png import encode_png, encode_preview, parameters

if TYPE_CHECKING:
    from PIL.Image import Image

Size = tuple[int, int]


class Recipe(Protocol):
    """How a painter paints a level."""

    @property
    def level(self) -> Level:
        """The level as it is announced."""
        ...


R = TypeVar("R", bound=Recipe)


def level_of(order: PaintOrder, levels: Sequence[Level]) -> Level:
    """Return the level an order names. Raises PaintFailed where the model has none of that name."""
    for level in levels:
        if level.name == order.level:
            return level
    raise PaintFailed("level-unknown", level=order.level, levels=", ".join(level.name for level in levels))


def recipe_of(order: PaintOrder, recipes: Sequence[R]) -> R:
    """Return the recipe of the level an order names. Raises PaintFailed where the model has none of that name."""
    level = level_of(order, [recipe.level for recipe in recipes])
    return next(recipe for recipe in recipes if recipe.level == level)


def teller(
    on_step: Callable[[Step], None], picture: int, steps: int, count: int = 1
) -> "Callable[[int, Image | None], None]":
    """Return what tells a listener of each step of a picture, with a preview where there is something to see.

    A step of a batch of `count` pictures counts as so many steps of one picture after the other.
    """

    def tell(step: int, seen: "Image | None") -> None:
        preview = b"" if seen is None else encode_preview(seen)
        before, done = divmod(step * count - 1, steps)
        on_step(Step(picture=picture + before, step=done + 1, steps=steps, preview=preview))

    return tell


def nearest_size(ordered: Size, announced: Iterable[Size]) -> Size:
    """Return the announced (width, height) nearest to the ordered one: by aspect ratio, then by area."""
    width, height = ordered

    def distance(size: Size) -> tuple[float, int]:
        ratio = abs(math.log(size[0] * height / (size[1] * width)))
        return round(ratio, 9), abs(size[0] * size[1] - width * height)

    return min(announced, key=distance)


def resized(image: "Image", size: Size) -> "Image":
    """Return the image at exactly `size` pixels (Lanczos); itself where it has that size already."""
    from PIL.Image import Resampling

    return image if image.size == size else image.resize(size, Resampling.LANCZOS)


def finished(
    image: "Image",
    order: PaintOrder,
    seed: int,
    settings: Mapping[str, object],
    read: tuple[float, float] = (1.0, 1.0),
) -> Painted:
    """Return a painted image at the ordered size, as a file that tells how it was made; `read` as in Painted."""
    told: dict[str, object] = {**settings, "Seed": seed, "Size": f"{order.width}x{order.height}"}
    if order.strength is not None:
        told["Variation strength"] = order.strength
    if image.size != (order.width, order.height):
        told["Painted size"] = f"{image.width}x{image.height}"
    text = parameters(order.prompt, order.negative, told)
    return Painted(
        png=encode_png(resized(image, (order.width, order.height)), text),
        seed=seed,
        width=order.width,
        height=order.height,
        painted_width=image.width,
        painted_height=image.height,
        read=read,
    )
