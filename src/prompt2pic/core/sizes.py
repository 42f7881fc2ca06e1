"""Which size a model paints for a size that was asked for."""

from math import log

from prompt2pic.core.ports import Model


def painted_size(model: Model, width: int | None, height: int | None) -> tuple[int, int]:
    """Return the announced (width, height) in pixels nearest to the asked one: by aspect, then by area."""
    if width is None or height is None:
        return model.sizes[0]
    return min(model.sizes, key=lambda size: _distance(size, width, height))


def _distance(size: tuple[int, int], width: int, height: int) -> tuple[float, float]:
    aspect = abs(log(size[0] / size[1]) - log(width / height))
    return round(aspect, 6), abs(log(size[0] * size[1]) - log(width * height))
