"""Makes the built-in model, stage after stage; a run that was cut off goes on where it was.

python -m training [--work FOLDER] [--seed N] [--shipped]
"""

import subprocess
import sys
from pathlib import Path

from training.options import parser

# What a stage makes once. The others are run again: a training that is finished returns at once.
FETCHED = {"prepare": "objects.json", "latents": "latents.pt", "tokenizer": "tokenizer"}
ANEW = ("prepare", "tokenizer", "stage_a", "latents", "stage_b", "finish", "text_encoder", "stage_c")
FURTHER = ("prepare", "shipped", "latents", "stage_b", "finish", "text_encoder", "stage_c")
LAST = ("classifier", "assemble", "sheet")
EXTRA = {"stage_b": ("--freeze",)}  # from shipped weights: the compressor stays, and with it stage C


def stages(work: Path, *, shipped: bool) -> list[list[str]]:
    """The commands that are left, as arguments of `python -m`."""
    names = (*(FURTHER if shipped else ANEW), *LAST)
    left = [name for name in names if not (name in FETCHED and (work / FETCHED[name]).exists())]
    return [[f"training.{name}", *(EXTRA.get(name, ()) if shipped else ())] for name in left]


def main() -> int:
    """Run what is left, and return the exit code of what failed, or 0."""
    options = parser(__doc__)
    options.add_argument("--shipped", action="store_true", help="go on from the weights of the package")
    asked = options.parse_args()
    for stage in stages(asked.work, shipped=asked.shipped):
        print(stage[0], flush=True)
        done = subprocess.run(
            [sys.executable, "-m", *stage, "--work", str(asked.work), "--seed", str(asked.seed)], check=False
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
