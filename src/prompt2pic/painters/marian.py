"""The translator of the Marian models of OPUS-MT (Tiedemann and Thottingal 2020), through transformers."""

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.faults import painting_failed
from prompt2pic.painters.hub import Tell, fetch, on_hub
from prompt2pic.painters.process import free_memory, import_libraries
from prompt2pic.painters.wuerstchen_files import folder_of, read_json

if TYPE_CHECKING:
    from lingua import LanguageDetector

FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "source.spm",
    "target.spm",
    "tokenizer_config.json",
    "vocab.json",
)
# The newest commit of a name may hold a pickle alone; these hold the same weights as safetensors.
REVISIONS = {
    "Helsinki-NLP/opus-mt-ru-en": "a64ede1bb36da5cd0c7bd9c25d0ee07ce5612124",  # pragma: allowlist secret
}
KEPT = 256  # texts whose translation is remembered
LONGEST = 256  # tokens of a text and of its translation
BEAMS = 4
LETTER = re.compile(r"[^\W\d_]")


class MarianTranslator:
    """Translates with a Marian model from a folder or the model hub, on the CPU."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._translate: Callable[[str], str] | None = None

    def load(self, progress: Callable[[float, str], None]) -> tuple[str, ...]:
        """Find the model, load it, and return the language that it reads.

        Raises PaintFailed where the model or a library is missing or broken.
        """
        progress(0.0, "translator")
        folder = _find(self._source, lambda share: progress(share, "translator"))
        import_libraries("prompt2pic.painters.modules", "sentencepiece", "lingua")
        tokenizer, model = _load(folder)
        source = str(tokenizer.source_lang or "")
        detector = _detector(folder, source)
        translate = lru_cache(KEPT)(lambda text: _generate(tokenizer, model, text))
        self._translate = lambda text: _translated(detector, source, text, translate)
        progress(1.0, "translator")
        return (source,)

    def translate(self, text: str) -> str:
        """Return the text with those of its parts in English that are in the model's language."""
        if self._translate is None:
            raise PaintFailed("painter-not-loaded")
        try:
            return self._translate(text)
        except Exception as error:  # whatever it is, the picture can be painted without a translation
            failed = painting_failed(error)
        free_memory()
        raise failed

    def unload(self) -> None:
        """Free the model."""
        self._translate = None
        free_memory()


def _find(source: str, tell: Tell) -> Path:
    folder = folder_of(source)
    if folder.is_dir():
        return folder
    named = on_hub(source)
    if named is None or named[2]:
        raise PaintFailed("translator-not-found", source=source)
    return fetch(named[0], REVISIONS.get(source, named[1]), FILES, tell)


def _load(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import MarianMTModel, MarianTokenizer

    from prompt2pic.painters.modules import broken_files, load_module, quiet

    with quiet(), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Recommended: pip install sacremoses"
        )  # only mends punctuation
        model = load_module(folder, MarianMTModel, torch.device("cpu"), torch.float32)
        for name in ("source.spm", "target.spm", "vocab.json"):
            if not (folder / name).is_file():
                raise PaintFailed("model-file-missing", path=str(folder / name))
        with broken_files(folder):
            return MarianTokenizer.from_pretrained(str(folder), local_files_only=True), model


def _detector(folder: Path, source: str) -> "LanguageDetector":
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    code = getattr(IsoCode639_1, source.upper(), None)
    target = read_json(folder / "tokenizer_config.json").get("target_lang")
    if source == "en" or target != "en" or code is None:
        pair = f"{source or '?'}-{target}"
        raise PaintFailed("model-wrong-architecture", path=str(folder), found=pair, wanted="*-en")
    return LanguageDetectorBuilder.from_iso_codes_639_1(IsoCode639_1.EN, code).build()


def _translated(detector: "LanguageDetector", source: str, text: str, translate: Callable[[str], str]) -> str:
    """Translate the parts of a text that are not English; words of one's style stay as they were typed."""
    parts, end = [], 0
    for found in detector.detect_multiple_languages_of(text):
        part = text[found.start_index : found.end_index]
        foreign = found.language.iso_code_639_1.name.lower() == source or _is_foreign(part)
        parts += [text[end : found.start_index], _kept_ends(part, translate) if foreign else part]
        end = found.end_index
    return "".join([*parts, text[end:]])


def _is_foreign(part: str) -> bool:
    """Whether a part has letters that English has not, as in "cyberpunk город"."""
    return any(ord(letter) > 0x24F for letter in LETTER.findall(part))


def _kept_ends(part: str, translate: Callable[[str], str]) -> str:
    """Translate a part between its first and last letter or digit: commas and spaces around it stay."""
    core = part.strip(" \t\r\n,;")
    start = part.find(core)
    return part[:start] + translate(core) + part[start + len(core) :] if core else part


def _generate(tokenizer: Any, model: Any, text: str) -> str:
    import torch

    longest = min(LONGEST, model.config.max_position_embeddings - 1)
    words = tokenizer([text], truncation=True, max_length=longest, return_tensors="pt")
    with torch.inference_mode():
        ids = model.generate(**words, num_beams=BEAMS, do_sample=False, max_new_tokens=longest)
    return str(tokenizer.decode(ids[0], skip_special_tokens=True)).strip() or text
