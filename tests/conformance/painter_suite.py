"""What every painter does, whatever model it adapts."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from prompt2pic.core.errors import PaintCancelled, PaintFailed
from prompt2pic.core.ports import LARGEST_PREVIEW, Model, Painted, Painter, PaintOrder, Step

PROMPT = "красный кот на синем фоне, “a red cat”\nна двух строках"


class PainterSuite:
    """Inherit, and give the fixture `new_painter` of the class: a painter that is not loaded."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_painter(cls) -> Painter:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def heard(cls) -> list[tuple[float, str]]:
        """What the painter tells while it loads."""
        return []

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, new_painter: Painter, heard: list[tuple[float, str]]) -> Iterator[Model]:
        yield new_painter.load(lambda fraction, what: heard.append((fraction, what)))
        new_painter.unload()

    @pytest.fixture
    def painter(self, new_painter: Painter, model: Model) -> Painter:
        """The painter, loaded."""
        return new_painter

    def order(self, model: Model, **changes: Any) -> PaintOrder:
        """Return an order of the model's first size and level."""
        width, height = model.sizes[0]
        asked = {"prompt": PROMPT, "width": width, "height": height, "level": model.levels[0].name, "seed": 5}
        return PaintOrder(**{**asked, **changes})

    def paint(self, painter: Painter, order: PaintOrder) -> list[Painted]:
        """Paint a whole order."""
        return list(painter.paint(order, lambda step: None))

    def test_announces(self, model: Model) -> None:
        """A model has a name, sizes, the three levels from fast to best, languages and a device."""
        assert model.name
        assert all(width > 0 and height > 0 for width, height in model.sizes)
        assert len(set(model.sizes)) == len(model.sizes)
        assert [level.name for level in model.levels] == ["fast", "balanced", "best"]
        assert [level.steps for level in model.levels] == sorted({level.steps for level in model.levels})
        assert model.languages
        assert model.device.split(",")[0] in {"cpu", "cuda"}

    def test_progress_of_loading(self, model: Model, heard: list[tuple[float, str]]) -> None:
        """Loading tells what it does, from 0 to 1."""
        fractions = [fraction for fraction, what in heard]
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)
        assert all(what for fraction, what in heard)

    def test_estimate(self, painter: Painter, model: Model) -> None:
        """Every level has measured seconds, and more steps take longer."""
        seconds = painter.estimate()
        assert list(seconds) == [level.name for level in model.levels]
        assert 0 < seconds["fast"] < seconds["balanced"] < seconds["best"]

    def test_default_size(self, painter: Painter, model: Model) -> None:
        """The size announced first is painted as it is."""
        [painted] = self.paint(painter, self.order(model))
        assert (painted.width, painted.height) == model.sizes[0]
        assert (painted.painted_width, painted.painted_height) == model.sizes[0]
        assert opened(painted).size == model.sizes[0]

    @pytest.mark.parametrize("size", [(333, 77), (100, 260)])
    def test_odd_size(self, painter: Painter, model: Model, size: tuple[int, int]) -> None:
        """Any size comes out to the pixel, and `Painted` says what it was painted at."""
        [painted] = self.paint(painter, self.order(model, width=size[0], height=size[1]))
        assert opened(painted).size == (painted.width, painted.height) == size
        assert (painted.painted_width, painted.painted_height) in {*model.sizes, size}

    def test_seed(self, painter: Painter, model: Model) -> None:
        """A seed always gives the same bytes, another one gives another picture."""
        first, again, other = (
            self.paint(painter, self.order(model, seed=seed))[0] for seed in (7, 7, 2**53 - 1)
        )
        assert first.png == again.png
        assert opened(first).tobytes() != opened(other).tobytes()
        assert other.seed == 2**53 - 1

    def test_count(self, painter: Painter, model: Model) -> None:
        """The n-th of several pictures is the one that its seed gives alone."""
        pictures = self.paint(painter, self.order(model, count=3, seed=10))
        assert [painted.seed for painted in pictures] == [10, 11, 12]
        assert len({painted.png for painted in pictures}) == 3
        assert self.paint(painter, self.order(model, seed=11)) == pictures[1:2]

    def test_variations(self, painter: Painter, model: Model) -> None:
        """A strength gives other pictures of the same seed, the same ones each time, and says so in the file."""
        [plain] = self.paint(painter, self.order(model, seed=10))
        order = self.order(model, count=2, seed=10, strength=0.25)
        pictures = self.paint(painter, order)
        assert [painted.seed for painted in pictures] == [10, 10]
        assert len({opened(painted).tobytes() for painted in (plain, *pictures)}) == 3
        assert self.paint(painter, order) == pictures
        assert "Variation strength: 0.25" in opened(pictures[0]).text["parameters"]

    def test_one_after_the_other(self, painter: Painter, model: Model) -> None:
        """A picture is handed out when it is done, before the next is begun."""
        steps: list[Step] = []
        painting = painter.paint(self.order(model, count=2), steps.append)
        assert next(painting).seed == 5
        assert {step.picture for step in steps} == {0}
        painting.close()  # type: ignore[attr-defined] # an iterator that is a generator

    @pytest.mark.parametrize("level", ["fast", "balanced", "best"])
    def test_steps(self, painter: Painter, model: Model, level: str) -> None:
        """Every step of every picture is told once, in order, as many as the level announces."""
        [announced] = [known.steps for known in model.levels if known.name == level]
        heard: list[Step] = []
        count = 2 if level == "fast" else 1
        list(painter.paint(self.order(model, level=level, count=count), heard.append))
        assert [replace(heard_of, preview=b"") for heard_of in heard] == [
            Step(picture=picture, step=step, steps=announced)
            for picture in range(count)
            for step in range(1, announced + 1)
        ]

    def test_previews(self, painter: Painter, model: Model) -> None:
        """Now and then a step shows, in a tiny JPEG, what becomes of the picture; the last one is like it."""
        heard: list[Step] = []
        [painted] = painter.paint(self.order(model, level="best"), heard.append)
        previews = [step.preview for step in heard if step.preview]
        assert previews
        assert max(len(preview) for preview in previews) <= LARGEST_PREVIEW
        from PIL import Image

        with Image.open(io.BytesIO(previews[-1])) as last:
            assert (last.format, max(last.size) <= 32) == ("JPEG", True)
            seen = last.convert("RGB").resize((1, 1)).getpixel((0, 0))
        meant = opened(painted).convert("RGB").resize((1, 1)).getpixel((0, 0))
        assert max(abs(one - other) for one, other in zip(seen, meant, strict=True)) < 64

    @pytest.mark.parametrize("error", [PaintCancelled("enough"), RuntimeError("of the listener's own")])
    @pytest.mark.parametrize("last", [1, 7])
    def test_cancel(self, painter: Painter, model: Model, error: Exception, last: int) -> None:
        """What the listener raises stops within the step, comes out as it is, and the painter paints on."""
        heard: list[Step] = []

        def stop(step: Step) -> None:
            heard.append(step)
            if step.step == last:
                raise error

        with pytest.raises(type(error)) as raised:
            list(painter.paint(self.order(model, count=2), stop))
        assert raised.value is error
        assert len(heard) == last
        assert len(self.paint(painter, self.order(model))) == 1

    def test_parameters(self, painter: Painter, model: Model) -> None:
        """The file says how it was made, in the field's form and in the person's own words."""
        order = self.order(model, negative="шум, noise", seed=42, width=100, height=260)
        [painted] = self.paint(painter, order)
        text = opened(painted).text["parameters"]
        assert text.startswith(f"{PROMPT}\nNegative prompt: шум, noise\nSteps: ")
        settings = dict(pair.split(": ") for pair in text.splitlines()[-1].split(", "))
        assert settings["Seed"] == "42"
        assert settings["Size"] == "100x260"
        assert settings["Steps"] == str(model.levels[0].steps)
        assert settings["Level"] == "fast"
        assert settings["Model"] in model.name

    def test_unknown_level(self, painter: Painter, model: Model) -> None:
        """A level that the model does not have is refused before the first step."""
        with pytest.raises(PaintFailed, match="level-unknown"):
            list(painter.paint(self.order(model, level="superb"), lambda step: pytest.fail("it painted")))

    @pytest.mark.parametrize("prompt", ["", "слово " * 166, "\x00\t 🌅 <|endoftext|>"])
    def test_any_prompt(self, painter: Painter, model: Model, prompt: str) -> None:
        """Empty, longest and strange prompts are painted."""
        [painted] = self.paint(painter, self.order(model, prompt=prompt, negative=prompt))
        assert opened(painted).size == model.sizes[0]

    def test_unload(self, painter: Painter, model: Model) -> None:
        """Without its model a painter says so; loaded again it announces and paints the same."""
        [before] = self.paint(painter, self.order(model))
        painter.unload()
        painter.unload()
        with pytest.raises(PaintFailed, match="painter-not-loaded"):
            self.paint(painter, self.order(model))
        assert painter.load(lambda fraction, what: None) == model
        assert self.paint(painter, self.order(model)) == [before]


def opened(painted: Painted) -> Any:
    """Return the picture as Pillow reads it."""
    from PIL import Image

    with Image.open(io.BytesIO(painted.png)) as image:
        image.load()
        return image
