"""Fetch the public packages with npm and make the objects: 256 px pictures, named in English and Russian."""

import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from training import tables
from training.options import parser
from training.pictures import SIDE

PACKAGES = ["@lobehub/fluent-emoji-3d@1.1.0", "emojibase-data@17.0.0", "emojilib@4.0.3"]
NATURE, FOOD = 3, 4  # groups of emojibase that are taken whole


def fetch(package: str, cache: Path) -> Path:
    """The unpacked folder of an npm package; downloaded once."""
    folder = cache / package.lstrip("@").replace("/", "-").replace("@", "-")
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", package, "--silent"], cwd=cache, check=True, capture_output=True
        )
        with tarfile.open(cache / packed.stdout.decode().split()[-1]) as archive:
            archive.extractall(folder, filter="data")
    return folder / "package"


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def code(name: str) -> str:
    """A hexcode as the picture files are named, without the variation selector."""
    return name.lower().replace("-fe0f", "")


def wanted(emoji: dict[str, Any], others: set[str], left_out: set[str]) -> bool:
    """Whether an emoji is an everyday object."""
    label = emoji["label"]
    return label not in left_out and (emoji.get("group") in (NATURE, FOOD) or label in others)


def picture(path: Path) -> np.ndarray:
    """A picture as RGBA bytes."""
    return np.asarray(Image.open(path).convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def described(
    emoji: dict[str, Any], russian: dict[str, Any], keywords: dict[str, list[str]]
) -> dict[str, Any]:
    """The labels and tags of an object in both languages."""
    words = [re.sub("_", " ", word) for word in keywords.get(emoji["emoji"], [])]
    return {
        "label": emoji["label"],
        "tags": emoji.get("tags", []) + words,
        "russian": russian.get("label", ""),
        "russian_tags": russian.get("tags", []),
    }


def main() -> None:
    """Write objects.npy and objects.json into the work folder."""
    options = parser(__doc__).parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    pictures, base, keywords = (fetch(package, options.work / "packages") for package in PACKAGES)
    files = {code(path.stem): path for path in (pictures / "assets").iterdir()}
    russian = {emoji["hexcode"]: emoji for emoji in read(base / "ru" / "data.json")}
    words = read(keywords / "dist" / "emoji-en-US.json")
    others, left_out = set(tables.lines("others")), set(tables.lines("left_out"))
    chosen = [
        emoji
        for emoji in read(base / "en" / "data.json")
        if code(emoji["hexcode"]) in files and wanted(emoji, others, left_out)
    ]
    shapes = [picture(files[code(emoji["hexcode"])]) for emoji in tqdm(chosen, desc="objects")]
    names = [described(emoji, russian.get(emoji["hexcode"], {}), words) for emoji in chosen]
    np.save(options.work / "objects.npy", np.stack(shapes))
    (options.work / "objects.json").write_text(
        json.dumps(names, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    print(len(chosen), "objects")


if __name__ == "__main__":
    main()
