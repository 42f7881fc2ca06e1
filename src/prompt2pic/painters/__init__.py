"""Adapters of image models; a new model is one file here and one line of `make_painter`."""

import math
from pathlib import Path

from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import Painter, Translator


def make_painter(spec: str, precision: str = "auto", memory: Path | None = None) -> Painter:
    """Return the painter that `spec` names; nothing heavy is imported before its `load`.

    `wuerstchen` is the built-in model, `wuerstchen:NAME-OR-FOLDER` one from the model hub or from disk,
    `sd:NAME-OR-PATH` one of Stable Diffusion 1.5, `stub:SECONDS` only waits.
    `precision` and `memory` are those of WuerstchenPainter. Raises Problem where `spec` is none of these.
    """
    kind, _, rest = spec.strip().partition(":")
    if kind == "wuerstchen":
        from prompt2pic.painters.wuerstchen import WuerstchenPainter

        return WuerstchenPainter(rest.strip(), precision=precision, memory=memory)
    if kind == "sd" and rest.strip():
        from prompt2pic.painters.stable_diffusion import StableDiffusionPainter

        return StableDiffusionPainter(rest.strip())
    if kind == "stub":
        from prompt2pic.painters.stub import StubPainter

        return StubPainter(_seconds(spec, rest))
    raise Problem("painter-unknown", painter=spec)


def make_translator(spec: str) -> Translator:
    """Return the translator that `spec` names: `none`, or a Marian model by folder or by its name on the hub."""
    if spec == "none":
        from prompt2pic.painters.translating import Unchanged

        return Unchanged()
    from prompt2pic.painters.marian import MarianTranslator

    return MarianTranslator(spec)


def _seconds(spec: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise Problem("painter-stub-seconds", painter=spec) from None
    if not (math.isfinite(seconds) and seconds >= 0):
        raise Problem("painter-stub-seconds", painter=spec)
    return seconds
