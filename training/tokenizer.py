"""Train the tokenizer: byte-level BPE in CLIP's format, over captions in both languages."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from training.captions import caption
from training.catalogue import catalogue, sample
from training.nets import LENGTH, START
from training.objects import LANGUAGES, load
from training.options import parser, seed

CAPTIONS = 60_000
WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""  # CLIP's own pattern
MARKS = ["<|startoftext|>", "<|endoftext|>"]


def empty() -> Tokenizer:
    """A tokenizer that splits and normalises as CLIP's does, without words."""
    tokenizer = Tokenizer(
        models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>", unk_token=MARKS[1])
    )
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, letters])
    return tokenizer


def texts(work: Path) -> Iterator[str]:
    """Captions as they are drawn in training, and every name once."""
    objects = load(work)
    chosen = sample(catalogue(objects), objects, CAPTIONS)
    yield from (caption(entry, objects, random.choice(LANGUAGES)) for entry in chosen)
    for thing in objects:
        for names in thing.names.values():
            yield from names.common + names.rare


def trained(work: Path) -> tuple[dict[str, int], list[str]]:
    """The vocabulary, its two marks last, and the merges."""
    tokenizer = empty()
    trainer = trainers.BpeTrainer(
        vocab_size=START,
        end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts(work), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    words = model["vocab"] | {mark: len(model["vocab"]) + number for number, mark in enumerate(MARKS)}
    return words, [" ".join(pair) for pair in model["merges"]]


def main() -> None:
    """Write the tokenizer's folder into the work folder; an existing one is kept: weights depend on it."""
    options = parser(__doc__).parse_args()
    seed(options)
    folder = options.work / "tokenizer"
    if not folder.exists():
        words, merges = trained(options.work)
        folder.mkdir()
        (folder / "vocab.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
        files = str(folder / "vocab.json"), str(folder / "merges.txt")
        CLIPTokenizer(*files, model_max_length=LENGTH).save_pretrained(folder)
    print(len(CLIPTokenizer.from_pretrained(folder)), "entries in", folder)


if __name__ == "__main__":
    main()
