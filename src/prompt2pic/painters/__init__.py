"""Adapters of image models; a new model is one file here and one line of `make_painter`."""

import math

from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import Painter


def make_painter(spec: str) -> Painter:
    """Return the painter that `spec` names; nothing heavy is imported before its `load`.

    `wuerstchen` is the built-in model, `wuerstchen:NAME-OR-FOLDER` one from the model hub or from disk,
    `stub:SECONDS` only waits. Raises Problem where `spec` is none of these.
    """
    kind, _, rest = spec.strip().partition(":")
    if kind == "wuerstchen":
        from prompt2pic.painters.wuerstchen import WuerstchenPainter

        return WuerstchenPainter(rest.strip())
    if kind == "stub":
        from prompt2pic.painters.stub import StubPainter

        return StubPainter(_seconds(spec, rest))
    raise Problem("painter-unknown", painter=spec)


def _seconds(spec: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise Problem("painter-stub-seconds", painter=spec) from None
    if not (math.isfinite(seconds) and seconds >= 0):
        raise Problem("painter-stub-seconds", painter=spec)
    return seconds
