"""Picture files: PNG that carries how it was made, and the tiny JPEG of a preview."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_PREVIEW = 32  # pixels


def parameters(prompt: str, negative: str, settings: Mapping[str, object]) -> str:
    """Return how a picture was made, in the form that Stable Diffusion WebUI gave the field.

    The prompt, a line `Negative prompt: ...` where there is one, a line of `Name: value, ...`.
    """
    lines = [prompt, f"Negative prompt: {negative}"] if negative else [prompt]
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    return "\n".join(lines)


def encode_png(image: "Image", text: str, compress_level: int = 6) -> bytes:
    """Return the image as PNG with `text` in its `parameters` chunk.

    The chunk is tEXt where Latin-1 can say it, else iTXt in UTF-8 (PNG, third edition, 11.3.3).
    """
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", text)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=compress_level)
    return out.getvalue()


def encode_preview(image: "Image") -> bytes:
    """Return the image as a JPEG of at most 32 pixels a side, about 1 KB."""
    small, out = image.copy(), io.BytesIO()
    small.thumbnail((_PREVIEW, _PREVIEW))
    small.save(out, "JPEG", quality=60, optimize=True)
    return out.getvalue()
