"""How much of a long prompt a model read, and how that is told."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.bot.showing import caption
from prompt2pic.core.events import Finished, Token, decode_event, encode_event
from prompt2pic.core.unread import words_read
from prompt2pic.texts import Texts
from tests.unit.samples import apply, claimed, finished, job, request, started


@pytest.mark.parametrize(
    ("prompt", "read", "words"),
    [
        ("a red cat", 1.0, None),
        ("a red cat", 5 / 9, 2),
        ("a red cat ", 4 / 9, 1),
        ("кот", 0.5, 0),
        ("", 0.0, 0),
    ],
)
def test_words(prompt: str, read: float, words: int | None) -> None:
    """Words count that were read whole; nothing is told of a prompt that was read to its end."""
    assert words_read(prompt, read) == words


@given(st.text(max_size=1000), st.floats(0, 0.999))
def test_never_more_words_than_there_are(prompt: str, read: float) -> None:
    """Of any prompt a count comes out, and no more words than it has."""
    words = words_read(prompt, read)
    assert words is not None
    assert 0 <= words <= len(prompt.split())


@pytest.mark.parametrize("repeats", [1, 5, 6, 7, 60])
def test_share(repeats: int) -> None:
    """The share ends where the last token ends that is left when the tokenizer itself cuts the prompt."""
    pytest.importorskip("torch", reason="the painter's libraries are not installed")
    from transformers import CLIPTokenizer

    from prompt2pic.painters.reading import share_read
    from prompt2pic.painters.wuerstchen_files import find_checkpoint

    folder: Path = find_checkpoint("").prior / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    prompt = "Красный кот, a red cat 🌅 " * repeats
    share = share_read(tokenizer, prompt)
    cut = tokenizer(
        prompt, truncation=True, max_length=tokenizer.model_max_length, return_offsets_mapping=True
    )
    assert round(share * len(prompt.rstrip())) == max(end for _, end in cut["offset_mapping"])


def test_caption() -> None:
    """A caption tells how many words were read of each prompt that was cut, and nothing of one that was not."""
    done = job()
    for offset, event in enumerate((claimed(), started(Token(0, "a")))):
        apply(done, offset, 1, event)
    done.request = request(prompt="красный кот на синем фоне", negative="шум, текст, люди")
    for read in ((1.0, 1.0), (0.5, 1.0), (1.0, 0.5), (0.5, 0.5)):
        done.end = msgspec.structs.replace(finished(Token(0, "a")), read=read[0], negative_read=read[1])
        told = caption(done, Texts("ru"))
        assert ("Конец описания не поместился в модель. Прочитано слов: 2." in told) is (read[0] < 1)
        assert (
            "не должно быть на картинке, поместилось в модель не целиком. Прочитано слов: 1." in told
        ) is (read[1] < 1)


def test_an_older_record_was_read_to_its_end() -> None:
    """Records of before the field are read, and say nothing of a cut."""
    older = encode_event(finished(Token(0, "a"))).replace(b'"read":1.0,"negative_read":1.0,', b"")
    assert b"read" not in older
    event = decode_event(older)
    assert isinstance(event, Finished)
    assert (event.read, event.negative_read) == (1.0, 1.0)
