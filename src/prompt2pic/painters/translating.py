"""A painter whose model reads English only, with a translator in front of it."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from prompt2pic.core.errors import PaintFailed, Problem
from prompt2pic.core.ports import Model, Painted, Painter, PaintOrder, Step, Translator


class Unchanged:
    """The translator of those who want none: every text stays as it is."""

    def load(self, progress: Callable[[float, str], None]) -> tuple[str, ...]:
        """Return no language."""
        return ()

    def translate(self, text: str) -> str:
        """Return the text."""
        return text

    def unload(self) -> None:
        """Do nothing."""


class TranslatingPainter:
    """Paints as `painter` does; where its model reads English only, `translator` reads people's words first.

    A translator that fails never costs a picture: `tell` hears why, and the words stay as they are.
    """

    def __init__(self, painter: Painter, translator: Translator, tell: Callable[[Problem], None]) -> None:
        self._painter = painter
        self._translator = translator
        self._tell = tell
        self._translates = False

    def load(self, progress: Callable[[float, str], None]) -> Model:
        """Load the painter, then the translator where it is needed; announce the languages of both."""
        model = self._painter.load(progress)
        self._translates = False
        if model.languages != ("en",):
            return model
        try:
            languages = self._translator.load(lambda fraction, what: None)
        except PaintFailed as failed:
            self._tell(failed)
            return model
        self._translates = bool(languages)
        return replace(model, languages=(*model.languages, *languages))

    def estimate(self) -> dict[str, float]:
        """Return what the painter measures: translating takes far less than painting."""
        return self._painter.estimate()

    def paint(self, order: PaintOrder, on_step: Callable[[Step], None]) -> Iterator[Painted]:
        """Paint the order from its words in English."""
        yield from self._painter.paint(self._in_english(order) if self._translates else order, on_step)

    def unload(self) -> None:
        """Free both."""
        self._painter.unload()
        self._translator.unload()

    def _in_english(self, order: PaintOrder) -> PaintOrder:
        try:
            read = (self._translator.translate(order.prompt), self._translator.translate(order.negative))
        except PaintFailed as failed:
            self._tell(failed)
            return order
        return replace(order, read=read)
