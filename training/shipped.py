"""Go on from the shipped weights: the state that training needs, made of the model in the package."""

import shutil
from importlib import resources
from pathlib import Path

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
from safetensors.torch import load_file
from torch import Tensor

from training.nets import LENGTH, PLAN, prior_text_encoder
from training.options import parser
from training.text_encoder import WRITERS

BUILTIN = Path(str(resources.files("prompt2pic"))) / "models" / "builtin"
COMPRESSOR = (
    Path(__file__).parent / "compressor.safetensors"
)  # fitted with the shipped stage B; not needed to paint

Weights = dict[str, Tensor]


def weights(folder: Path) -> Weights:
    """The weights of a module in the package, in fp32."""
    [file] = folder.glob("*.safetensors")
    return {name: value.float() for name, value in load_file(file).items()}


def text_weights(folder: Path) -> Weights:
    """Those of a text encoder, by the names that its module has now."""
    return {name.removeprefix("text_model."): value for name, value in weights(folder).items()}


def lengthened(text: Weights) -> Weights:
    """Those of the prior's text encoder, its prompt made longer where it was shorter: the plan stays at the end."""
    name = "embeddings.position_embedding.weight"
    places = text[name]
    more = LENGTH - len(places)
    words = places[: len(places) - PLAN]
    return text | {name: torch.cat([words, words[-1:].expand(more, -1), places[-PLAN:]])}


def deepened(text: Weights) -> Weights:
    """Those of the prior's text encoder with the layers that it lacks, which change nothing at first."""
    new = prior_text_encoder().state_dict() | text
    for name in new.keys() - text.keys():
        if name.endswith(WRITERS):
            new[name].zero_()
    return new


def compressor() -> Weights:
    """Those of the compressor; what counts its batches is no number of fp16."""
    return {
        name: value if value.dtype == torch.int64 else value.float()
        for name, value in load_file(COMPRESSOR).items()
    }


def write(work: Path, name: str, modules: dict[str, Weights]) -> None:
    """Write a checkpoint without optimisers, from which a stage starts anew; one that is there stays."""
    file = work / f"{name}.pt"
    if not file.exists():
        torch.save({"modules": modules, "average": modules}, file)


def main() -> None:
    """Write tokenizer, vqgan, stage_b.pt, text_encoder.pt and stage_c.pt into the work folder."""
    work = parser(__doc__).parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    prior, decoder = BUILTIN / "prior", BUILTIN / "decoder"
    shutil.copytree(prior / "tokenizer", work / "tokenizer", dirs_exist_ok=True)
    PaellaVQModel.from_pretrained(decoder / "vqgan").float().save_pretrained(work / "vqgan")
    b = {
        "decoder": weights(decoder / "decoder"),
        "text_encoder": text_weights(decoder / "text_encoder"),
        "compressor": compressor(),
    }
    text = deepened(lengthened(text_weights(prior / "text_encoder")))
    write(work, "stage_b", b)
    write(work, "text_encoder", {"text_encoder": text})
    # Stage C takes its text encoder from the stage before, which may have gone on.
    write(work, "stage_c", {"prior": weights(prior / "prior")})


if __name__ == "__main__":
    main()
