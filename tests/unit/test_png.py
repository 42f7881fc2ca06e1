"""Picture files and sizes."""

import io
import struct

import pytest

from prompt2pic.core.errors import PaintFailed
from prompt2pic.core.ports import Level, PaintOrder
from prompt2pic.painters.orders import level_of, nearest_size, resized
from prompt2pic.painters.png import encode_png, parameters

Image = pytest.importorskip("PIL.Image", reason="the painter's libraries are not installed")

LEVELS = [Level(name="fast", steps=1), Level(name="best", steps=2)]


def chunks(png: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG by their type."""
    found, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found[png[at + 4 : at + 8]] = png[at + 8 : at + 8 + length]
        at += 12 + length
    return found


def test_parameters() -> None:
    """The text has the prompt, the negative prompt and the settings on lines of their own."""
    text = parameters("кот,\nhigh detail", "шум", {"Steps": 34, "Size": "128x128"})
    assert text == "кот,\nhigh detail\nNegative prompt: шум\nSteps: 34, Size: 128x128"


def test_no_negative_prompt() -> None:
    """Without a negative prompt there is no line of it."""
    assert parameters("cat", "", {"Steps": 1}) == "cat\nSteps: 1"


@pytest.mark.parametrize(("text", "kind"), [("a café", b"tEXt"), ("Закат 🌅", b"iTXt")])
def test_text_survives(text: str, kind: bytes) -> None:
    """Any text comes back from the file, in the plainer chunk where that can hold it."""
    png = encode_png(Image.new("RGB", (3, 2)), text)
    assert kind in chunks(png)
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (3, 2)
        assert image.text == {"parameters": text}


@pytest.mark.parametrize(
    ("ordered", "nearest"),
    [
        ((512, 512), (512, 512)),
        ((100, 100), (512, 512)),
        ((900, 900), (1024, 1024)),
        ((1920, 1080), (1536, 768)),
        ((1, 1000), (512, 1024)),
        ((600, 310), (1024, 512)),
    ],
)
def test_nearest_size(ordered: tuple[int, int], nearest: tuple[int, int]) -> None:
    """The shape of the picture matters more than the number of its pixels."""
    announced = [(1024, 1024), (512, 512), (1024, 512), (512, 1024), (1536, 768)]
    assert nearest_size(ordered, announced) == nearest


def test_resized() -> None:
    """A picture gets exactly the size that was asked for; one that has it is left alone."""
    image = Image.new("RGB", (8, 8))
    assert resized(image, (31, 7)).size == (31, 7)
    assert resized(image, (8, 8)) is image


def test_level() -> None:
    """A level is found by its name, and one that is not there is refused with those that are."""
    order = PaintOrder(prompt="", width=1, height=1, level="best")
    assert level_of(order, LEVELS) is LEVELS[1]
    with pytest.raises(PaintFailed) as failed:
        level_of(PaintOrder(prompt="", width=1, height=1, level="superb"), LEVELS)
    assert failed.value.key == "level-unknown"
    assert failed.value.args_by_name == {"level": "superb", "levels": "fast, best"}
