"""Encode the catalogue once, and draw batches of it: latents of stage A with captions that are worded each time."""

import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPTokenizer

from training.captions import caption
from training.catalogue import Entry, catalogue, halved, halves, sample
from training.crops import rendered
from training.nets import LENGTH
from training.objects import LANGUAGES, Object, load
from training.options import parser, seed

BATCH = 64
DROPPED = 0.15  # share of the merges of the tokenizer


class Latents:
    """The encoded catalogue, N x 4 x 32 x 32, and endless batches of it."""

    def __init__(self, pictures: Tensor, entries: list[Entry], objects: list[Object], work: Path) -> None:
        self.pictures, self.objects = pictures, objects
        self.numbers = {entry: number for number, entry in enumerate(entries)}
        self.entries = [entry for entry in entries if entry.weight]
        self.tokenizers = tokenizer(work, 0.0), tokenizer(work, DROPPED)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Latents, count x 4 x 32 x 32, and the tokens of a caption of each, count x 48."""
        return self.worded(sample(self.entries, self.objects, count))

    def worded(self, entries: list[Entry]) -> tuple[Tensor, Tensor]:
        """The latents of pictures, N x 4 x 32 x 32, and the tokens of a caption of each, N x 48."""
        captions = [caption(entry, self.objects, random.choice(LANGUAGES)) for entry in entries]
        return torch.stack([self.latents(entry) for entry in entries]), self.tokens(captions)

    def latents(self, entry: Entry) -> Tensor:
        """The latents of a picture, 4 x 32 x 32: those of a pair are put together from its halves."""
        parts = [self.pictures[self.numbers[part]].float() for part in halved(entry)]
        if len(parts) == 1:
            return parts[0]
        across = -1 if entry.kind == "side" else -2
        return torch.cat([part.chunk(2, across)[place] for place, part in enumerate(parts)], across)

    def tokens(self, captions: list[str]) -> Tensor:
        """Captions as N x 48 tokens, padded with end marks; every other one is cut with merges dropped.

        BPE dropout (Provilkov et al. 2020): words that were never seen are made of pieces that were.
        """
        made = torch.empty(len(captions), LENGTH, dtype=torch.int64)
        for first, cutter in enumerate(self.tokenizers):
            made[first::2] = cut(captions[first::2], cutter)
        return made


def open_latents(work: Path) -> Latents:
    """What `main` wrote."""
    made = torch.load(work / "latents.pt")
    entries = [Entry(**entry) for entry in made["entries"]]
    return Latents(made["pictures"], entries, load(work), work)


def tokenizer(folder: Path, dropped: float) -> CLIPTokenizer:
    """The tokenizer in a folder, a share of its merges left out."""
    made = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    made.backend_tokenizer.model.dropout = dropped or None
    return made


def cut(captions: list[str], cutter: CLIPTokenizer) -> Tensor:
    """Captions as N x 48 tokens."""
    found = cutter(captions, padding="max_length", truncation=True, max_length=LENGTH)
    return torch.tensor(found.input_ids)


@torch.no_grad()
def encoded(entries: list[Entry], objects: list[Object], work: Path) -> Iterator[Tensor]:
    """The latents of the pictures, batch by batch."""
    network = PaellaVQModel.from_pretrained(work / "vqgan").eval()
    for start in tqdm(range(0, len(entries), BATCH), desc="latents"):
        yield network.encode(rendered(entries[start : start + BATCH], objects)).latents.half()


def main() -> None:
    """Write latents.pt into the work folder."""
    options = parser(__doc__).parse_args()
    seed(options)
    objects = load(options.work)
    entries = [*catalogue(objects), *halves(objects)]
    pictures = torch.cat(list(encoded(entries, objects, options.work)))
    torch.save(
        {"pictures": pictures, "entries": [asdict(entry) for entry in entries]}, options.work / "latents.pt"
    )
    print(len(entries), "pictures")


if __name__ == "__main__":
    main()
