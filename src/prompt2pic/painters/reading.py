"""How much of a prompt a model reads: its text encoder has room for so many tokens and no more."""

from typing import Any

from prompt2pic.core.ports import PaintOrder


def shares_read(tokenizer: Any, order: PaintOrder) -> tuple[float, float]:
    """Return how much of an order's prompt and negative prompt a tokenizer reads, as `share_read` does."""
    prompt, negative = order.words
    return share_read(tokenizer, prompt), share_read(tokenizer, negative)


def share_read(tokenizer: Any, text: str) -> float:
    """Return how much of a text a tokenizer of transformers reads before it cuts it, from 0 to 1 of its letters."""
    text = text.rstrip()
    tokens = tokenizer(text, verbose=False, return_offsets_mapping=True)
    special = tokenizer.num_special_tokens_to_add()
    spans = [span for span in tokens["offset_mapping"] if span[1] > span[0]]
    room: int = tokenizer.model_max_length - special
    if len(tokens["input_ids"]) - special <= room:
        return 1.0
    return float(spans[room - 1][1] / len(text)) if room else 0.0
