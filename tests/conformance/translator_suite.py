"""What every translator does, whatever is behind it."""

from collections.abc import Iterator

import pytest

from prompt2pic.core.ports import Translator

ENGLISH = "a red cat on a blue background, high resolution, 4k"


class TranslatorSuite:
    """Inherit, and give the fixture `new_translator` of the class: a translator that is not loaded."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_translator(cls) -> Translator:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def languages(cls, new_translator: Translator) -> Iterator[tuple[str, ...]]:
        yield new_translator.load(lambda fraction, what: None)
        new_translator.unload()

    @pytest.fixture
    def translator(self, new_translator: Translator, languages: tuple[str, ...]) -> Translator:
        """The translator, loaded."""
        return new_translator

    def test_languages(self, languages: tuple[str, ...]) -> None:
        """English is not among the languages that are turned into it, and each is named by two letters."""
        assert "en" not in languages
        assert all(len(language) == 2 for language in languages)

    @pytest.mark.parametrize("text", [ENGLISH, "cat", "8k, hdr", "", " ", "🌅", "42", "\x00\t"])
    def test_english_stays(self, translator: Translator, languages: tuple[str, ...], text: str) -> None:
        """What is English, or no words at all, stays as it was typed."""
        assert translator.translate(text) == text

    @pytest.mark.parametrize("text", ["красный кот", "Ёж", "слово " * 166, "<pad> кот </s>", "кот\nпёс"])
    def test_any_text(self, translator: Translator, languages: tuple[str, ...], text: str) -> None:
        """A text gives the same words each time, never nothing."""
        translation = translator.translate(text)
        assert translation.strip()
        assert translator.translate(text) == translation
        assert (translation == text) is ("ru" not in languages)

    def test_unload(self, translator: Translator, languages: tuple[str, ...]) -> None:
        """Unloaded and loaded again it translates as before."""
        before = translator.translate("красный кот")
        translator.unload()
        translator.unload()
        assert translator.load(lambda fraction, what: None) == languages
        assert translator.translate("красный кот") == before
