"""Encode the catalogue once: latents of stage A, captions as tokens, weights."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPTokenizer

from training.captions import caption
from training.catalogue import Entry, catalogue, drawn
from training.nets import LENGTH
from training.objects import LANGUAGES, Object, load
from training.options import parser, seed

CAPTIONS = {"scene": 400, "one": 40, "tint": 20, "side": 16, "over": 16}  # a picture
BATCH = 64
DROPPED = 0.15  # share of the merges of the tokenizer


@dataclass(frozen=True, kw_only=True)
class Latents:
    """The encoded catalogue: latents N x 4 x 32 x 32; captions of picture n: starts[n] to starts[n + 1]."""

    pictures: Tensor
    tokens: Tensor
    starts: Tensor
    weights: Tensor

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Numbers of pictures by weight, and the tokens of one caption of each."""
        numbers = torch.multinomial(self.weights, count, replacement=True)
        first, after = self.starts[numbers], self.starts[numbers + 1]
        return numbers, self.tokens[first + (torch.rand(count) * (after - first)).long()].long()


def open_latents(work: Path) -> Latents:
    """What `main` wrote."""
    return Latents(**torch.load(work / "latents.pt"))


def tokens(captions: list[str], work: Path) -> Tensor:
    """Captions as N x 48 tokens, padded with end marks; every other one is cut with merges dropped.

    BPE dropout (Provilkov et al. 2020): words that were never seen are made of pieces that were.
    """
    made = torch.empty(len(captions), LENGTH, dtype=torch.int16)
    for first, dropped in ((0, 0.0), (1, DROPPED)):
        made[first::2] = cut(captions[first::2], work, dropped)
    return made


def cut(captions: list[str], work: Path, dropped: float) -> Tensor:
    """Captions as tokens, a share of the merges left out."""
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    tokenizer.backend_tokenizer.model.dropout = dropped or None
    found = tokenizer(captions, padding="max_length", truncation=True, max_length=LENGTH)
    return torch.tensor(found.input_ids, dtype=torch.int16)


@torch.no_grad()
def encoded(entries: list[Entry], objects: list[Object], work: Path) -> Iterator[Tensor]:
    """The latents of the pictures, batch by batch."""
    network = PaellaVQModel.from_pretrained(work / "vqgan").eval()
    for start in tqdm(range(0, len(entries), BATCH), desc="latents"):
        pictures = [torch.from_numpy(drawn(entry, objects)) for entry in entries[start : start + BATCH]]
        yield network.encode(torch.stack(pictures).permute(0, 3, 1, 2) / 255).latents.half()


def main() -> None:
    """Write latents.pt into the work folder."""
    options = parser(__doc__)
    options.add_argument("--limit", type=int, help="so many pictures only, for a trial")
    options.add_argument("--again", action="store_true", help="only word the encoded pictures anew")
    options = options.parse_args()
    seed(options)
    objects = load(options.work)
    entries = catalogue(objects)[: options.limit]
    captions = [
        caption(entry, objects, LANGUAGES[number % 2])
        for entry in entries
        for number in range(CAPTIONS[entry.kind])
    ]
    print(len(entries), "pictures,", len(captions), "captions, such as", random.sample(captions, 5))
    counts = torch.tensor([0] + [CAPTIONS[entry.kind] for entry in entries])
    made = {
        "pictures": open_latents(options.work).pictures
        if options.again
        else torch.cat(list(encoded(entries, objects, options.work))),
        "tokens": tokens(captions, options.work),
        "starts": counts.cumsum(0),
        "weights": torch.tensor([entry.weight for entry in entries]),
    }
    torch.save(made, options.work / "latents.pt")


if __name__ == "__main__":
    main()
