"""A Marian model from Russian to English with tiny random weights, in the published files."""

import io
import json
from pathlib import Path

RUSSIAN = ("красный кот на синем фоне", "горный пейзаж на рассвете", "закат над океаном", "ёж в тумане, шум")
ENGLISH = (
    "a red cat on a blue background",
    "mountain landscape at dawn",
    "sunset over the ocean",
    "a hedgehog",
)


def save_tiny_marian(folder: Path) -> Path:
    """Write the model into `folder`, its word pieces learnt here from a few lines, and return `folder`."""
    import torch
    from transformers import GenerationConfig, MarianConfig, MarianMTModel

    folder.mkdir(parents=True)
    pieces = [*_learn(folder / "source.spm", RUSSIAN), *_learn(folder / "target.spm", ENGLISH)]
    words = dict.fromkeys(["</s>", "<unk>", *pieces, "<pad>"])
    vocabulary = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "tokenizer_config.json").write_text('{"source_lang": "ru", "target_lang": "en"}')
    pad = vocabulary["<pad>"]
    ends = {"pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0, "forced_eos_token_id": 0}
    shape = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "max_position_embeddings": 64}
    sides = ("encoder", "decoder")
    shape |= {
        f"{side}_{name}": size for side in sides for name, size in (("ffn_dim", 16), ("attention_heads", 2))
    }
    torch.manual_seed(1)
    model = MarianMTModel(MarianConfig(vocab_size=len(vocabulary), init_std=1.0, **shape, **ends))
    model.generation_config = GenerationConfig(max_length=24, bad_words_ids=[[pad]], **ends)
    model.save_pretrained(folder)
    return folder


def _learn(file: Path, lines: tuple[str, ...]) -> list[str]:
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=out,
        vocab_size=48,
        hard_vocab_limit=False,
        minloglevel=2,
        bos_id=-1,
        pad_id=-1,
    )
    file.write_bytes(out.getvalue())
    learnt = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    return [learnt.id_to_piece(number) for number in range(len(learnt))]
