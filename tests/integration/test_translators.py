"""Both translators pass the suite of translators; a painter with one in front of it loses nothing."""

import gc
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from prompt2pic.core.errors import PaintFailed, Problem
from prompt2pic.core.ports import Model, PaintOrder, Translator
from prompt2pic.doctor import examine
from prompt2pic.painters import make_painter, make_translator, marian
from prompt2pic.painters.translating import TranslatingPainter, Unchanged
from prompt2pic.settings import Settings
from tests.conformance.painter_suite import opened
from tests.conformance.translator_suite import ENGLISH, TranslatorSuite
from tests.tiny_marian import save_tiny_marian
from tests.tiny_wuerstchen import save_tiny_wuerstchen

for library in ("torch", "diffusers", "transformers", "sentencepiece", "lingua"):
    pytest.importorskip(library, reason="the painter's libraries are not installed")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator from Russian with tiny random weights."""
    return save_tiny_marian(tmp_path_factory.mktemp("переводчик") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def silent(fraction: float, what: str) -> None:
    """Hear what is loaded."""


class TestUnchanged(TranslatorSuite):
    """The translator of those who want none."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_translator(cls) -> Translator:
        return make_translator("none")


class TestMarian(TranslatorSuite):
    """A Marian model in a folder."""

    @pytest.fixture(scope="class")
    @classmethod
    def new_translator(cls, tiny: Path) -> Translator:
        return make_translator(str(tiny))

    def test_reads_russian(self, languages: tuple[str, ...]) -> None:
        """The language is that of the model."""
        assert languages == ("ru",)

    @pytest.mark.filterwarnings("ignore:Recommended")
    def test_the_model_itself(self, translator: Translator, tiny: Path) -> None:
        """A Russian text gives the words that the model's own generation gives for it."""
        from transformers import MarianMTModel, MarianTokenizer

        tokenizer = MarianTokenizer.from_pretrained(tiny)
        words = tokenizer(["красный кот"], return_tensors="pt")
        ids = MarianMTModel.from_pretrained(tiny).generate(**words, num_beams=4, max_new_tokens=63)
        meant = tokenizer.decode(ids[0], skip_special_tokens=True).strip()
        assert translator.translate("красный кот") == (meant or "красный кот")

    @pytest.mark.parametrize(
        ("text", "asked", "start", "end"),
        [
            ("красный кот, high resolution, 4k", "красный кот", "", ", high resolution, 4k"),
            ("oil painting: закат над океаном", "закат над океаном", "oil painting: ", ""),
            ("cyberpunk город", "cyberpunk город", "", ""),
            (" кот ", "кот", " ", " "),
        ],
    )
    def test_mixed(
        self,
        translator: Translator,
        text: str,
        asked: str,
        start: str,
        end: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Only what is Russian is translated; English around it stays to the letter."""
        heard: list[str] = []
        monkeypatch.setattr(marian, "_generate", lambda t, m, text: heard.append(text) or "<english>")
        translator.unload()
        translator.load(silent)
        assert translator.translate(text) == f"{start}<english>{end}"
        assert heard == [asked]
        translator.translate(text)
        assert heard == [asked], "a translation is remembered"
        translator.unload()
        monkeypatch.undo()
        translator.load(silent)

    def test_frees(self, translator: Translator, tiny: Path) -> None:
        """Unloading leaves no module behind."""
        import torch

        def modules() -> int:
            gc.collect()
            return sum(issubclass(type(thing), torch.nn.Module) for thing in gc.get_objects())

        before = modules()
        own = make_translator(str(tiny))
        own.load(silent)
        own.translate("кот")
        assert modules() > before
        own.unload()
        assert modules() == before
        with pytest.raises(PaintFailed, match="painter-not-loaded"):
            own.translate("кот")


@pytest.mark.parametrize("source", ["/nowhere/model", "./none", "no name", "a/b/c"])
def test_missing(source: str) -> None:
    """What is neither a folder nor a name on the hub is refused with what was said."""
    with pytest.raises(PaintFailed, match="translator-not-found"):
        make_translator(source).load(silent)


@pytest.mark.parametrize(
    "name", ["config.json", "source.spm", "target.spm", "vocab.json", "tokenizer_config.json"]
)
def test_missing_file(copy: Path, name: str) -> None:
    """A folder that lacks a file is refused with the file's name."""
    (copy / name).unlink()
    with pytest.raises(PaintFailed, match="model-file-missing") as failed:
        make_translator(str(copy)).load(silent)
    assert str(failed.value.args_by_name["path"]).endswith(name)


def test_broken(copy: Path) -> None:
    """Weights cut short, and a pickle in their place, are refused."""
    file = copy / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(PaintFailed, match="model-file-broken"):
        make_translator(str(copy)).load(silent)
    file.unlink()
    (copy / "pytorch_model.bin").write_bytes(whole)
    with pytest.raises(PaintFailed, match="model-file-broken"):
        make_translator(str(copy)).load(silent)


def test_wrong_pair(copy: Path) -> None:
    """A model into another language is refused with its pair."""
    config = {"source_lang": "en", "target_lang": "ru"}
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(PaintFailed, match="model-wrong-architecture") as failed:
        make_translator(str(copy)).load(silent)
    assert failed.value.args_by_name["found"] == "en-ru"


class Recording:
    """A painter that reads English, or what it is told, and keeps the orders it gets."""

    def __init__(self, languages: tuple[str, ...] = ("en",)) -> None:
        self.inner = make_painter("stub:0")
        self.languages = languages
        self.orders: list[PaintOrder] = []

    def load(self, progress: Any) -> Model:
        from msgspec.structs import replace

        return replace(self.inner.load(progress), languages=self.languages)

    def estimate(self) -> dict[str, float]:
        return self.inner.estimate()

    def paint(self, order: PaintOrder, on_step: Any) -> Any:
        self.orders.append(order)
        return self.inner.paint(order, on_step)

    def unload(self) -> None:
        self.inner.unload()


class Shouting(Unchanged):
    """A translator whose words are told from others; fails when it is told to."""

    def __init__(self, loads: bool = True, translates: bool = True) -> None:
        self.loads, self.translates = loads, translates

    def load(self, progress: Any) -> tuple[str, ...]:
        if not self.loads:
            raise PaintFailed("translator-not-found", source="x")
        return ("ru",)

    def translate(self, text: str) -> str:
        if not self.translates:
            raise PaintFailed("painter-out-of-memory")
        return text.upper()


ORDER = PaintOrder(prompt="кот", negative="шум", width=64, height=64, level="fast")


def test_translates_both_prompts() -> None:
    """A model that reads English gets both prompts translated, and the file keeps the person's own words."""
    painter, told = Recording(), list[Problem]()
    whole = TranslatingPainter(painter, Shouting(), told.append)
    assert whole.load(silent).languages == ("en", "ru")
    [painted] = whole.paint(ORDER, lambda step: None)
    [order] = painter.orders
    assert (order.words, order.prompt, order.negative) == (("КОТ", "ШУМ"), "кот", "шум")
    assert opened(painted).text["parameters"].startswith("кот\nNegative prompt: шум")
    assert told == []


@pytest.mark.parametrize("languages", [("en", "ru"), ("ru", "en"), ("de",)])
def test_not_needed(languages: tuple[str, ...]) -> None:
    """A model that reads more than English gets the words as they are, and no translator is loaded."""
    painter = Recording(languages)
    whole = TranslatingPainter(painter, Shouting(loads=False), lambda why: pytest.fail("it was loaded"))
    assert whole.load(silent).languages == languages
    list(whole.paint(ORDER, lambda step: None))
    assert painter.orders == [ORDER]


@pytest.mark.parametrize(
    ("translator", "key", "languages"),
    [
        (Shouting(loads=False), "translator-not-found", ("en",)),
        (Shouting(translates=False), "painter-out-of-memory", ("en", "ru")),
    ],
)
def test_never_costs_a_picture(translator: Translator, key: str, languages: tuple[str, ...]) -> None:
    """Where the translator can not be had, or fails, that is told once and the words are painted as they are."""
    painter, told = Recording(), list[Problem]()
    whole = TranslatingPainter(painter, translator, told.append)
    assert whole.load(silent).languages == languages
    assert len(list(whole.paint(ORDER, lambda step: None))) == 1
    assert painter.orders == [ORDER]
    assert [problem.key for problem in told] == [key]


def test_full_model(tiny: Path, tmp_path: Path) -> None:
    """With the real classes of both: the translation reaches the model, and English paints what it painted before."""
    folder = save_tiny_wuerstchen(tmp_path / "w")
    whole = TranslatingPainter(
        make_painter(f"wuerstchen:{folder}", "fp32"),
        make_translator(str(tiny)),
        lambda why: pytest.fail(str(why)),
    )
    assert whole.load(silent).languages == ("en", "ru")
    plain = make_painter(f"wuerstchen:{folder}", "fp32")
    plain.load(silent)

    def picture(painter: Any, prompt: str) -> bytes:
        order = PaintOrder(prompt=prompt, width=512, height=512, level="fast")
        [painted] = painter.paint(order, lambda step: None)
        return opened(painted).tobytes()

    assert picture(whole, ENGLISH) == picture(plain, ENGLISH)
    assert picture(whole, "красный кот") != picture(plain, "красный кот")


@pytest.mark.parametrize("missing", [False, True])
def test_the_doctor_tells_of_the_translator_once(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], missing: bool
) -> None:
    """One line says which languages people may ask in, or why there is no translator; nothing else does."""
    model = save_tiny_wuerstchen(tmp_path / "model")
    translator = str(tmp_path / "none") if missing else str(tiny)
    settings = Settings(data=tmp_path / "data", port=0, painter=f"wuerstchen:{model}", translator=translator)
    found = list(examine(settings))
    [(fine, line)] = [(fine, line) for fine, line in found if translator in line or "languages" in line]
    assert fine is not missing
    assert missing or line.endswith(": en, ru.")
    assert translator not in "".join(capfd.readouterr())
