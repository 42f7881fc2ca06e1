"""The full-size Würstchen here, with random weights, against diffusers' stock pipelines in fp32 in the same run.

python -m bench.painter_full [--sizes 512 1024] [--folder FOLDER] [--precision auto] [--turns 2]

Each painter works in a process of its own, in turn, so that its peak of memory is its own. A checkpoint of 13 GB is
written where FOLDER has none. The roofline is what the counted operations would take at the pace of one large linear
layer, of one convolution and of attention's products, in the precision that was chosen. They are measured for as long
as a step, as a core does not keep up what it does for a few milliseconds, and right before and after the steps, as a
shared machine's pace wavers by a tenth within minutes.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.figures import figure
from bench.painter import STOCK, stock_model, stock_pipelines

PROMPT = "a red cat on a blue background"
# Steps of each stage: the first one also reads the words, the others are timed. Ours are short, and the least of more.
STEPS = {"stock": 3, "ours": 6}
WINDOW = 0.5  # seconds that a pace is measured for
PLACES, WIDE, NARROW = 1152, 6144, 1536  # of the measured layer: the prior's widest, guided, at 1024 pixels
Marks = dict[
    str, float
]  # seconds of a step of the prior and of the decoder, of decoding, of loading; bytes of memory


def main() -> None:
    """Print each size's times, ratios, share of the roofline and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[512, 1024])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--child", choices=("stock", "ours"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        folder = asked.folder or Path(spare)
        if asked.child:
            print(
                json.dumps({"stock": stock, "ours": ours}[asked.child](folder, asked.sizes, asked.precision))
            )
            return
        if not (folder / "decoder" / "vqgan").is_dir():  # which is written last
            from bench.full_model import save_full

            save_full(folder)
        compare(folder, asked.sizes, asked.precision, asked.turns)


def compare(folder: Path, sizes: list[int], precision: str, turns: int) -> None:
    """Let both work in turn, and print what came of it."""
    runs: dict[str, list[Any]] = {"stock": [], "ours": []}
    # The verdict on the precision is kept in the folder: the first start, which times them, is not the one that counts.
    first = child("ours", folder, [], precision)
    for _ in range(turns):
        for name, made in runs.items():
            made.append(child(name, folder, sizes, precision))
    painter = runs["ours"][0]["name"]
    figure("the first start, with the trials of each precision", first["load"], "s", beside=painter)
    figure(
        "later starts",
        median(runs["ours"], "load"),
        "s",
        beside=f"stock {median(runs['stock'], 'load'):.1f} s",
    )
    peak = {name: median(made, "peak") for name, made in runs.items()}
    figure(
        "peak of memory, of the stock pipelines'",
        peak["ours"] / peak["stock"],
        "x",
        limit=0.6,
        beside=f"{peak['ours'] / 1e9:.1f} GB of {peak['stock'] / 1e9:.1f} GB",
    )
    figure("the same at the first start", first["peak"] / peak["stock"], "x", limit=0.6)
    for size in sizes:
        told_of(size, *([run[str(size)] for run in runs[name]] for name in ("ours", "stock")))


def told_of(size: int, ours: list[Any], stock: list[Any]) -> None:
    """Print one size's figures, from each turn's marks."""
    from bench.full_model import operations
    from prompt2pic.painters.wuerstchen_levels import FULL

    for turn in ours:
        paces = ", ".join(f"{kind} {pace / 1e9:,.0f}" for kind, pace in turn["paces"].items())
        print(f"a turn's paces at {size} in 10^9 operations a second: {paces}")
    mine, theirs = least(ours), least(stock)
    for stage, counted in operations(size).items():
        shares = [
            sum(each / turn["paces"][kind] for kind, each in counted.items()) / turn[stage] for turn in ours
        ]
        beside = (
            f"{mine[stage]:.2f} s, stock {theirs[stage]:.2f} s; "
            f"{statistics.median(shares):.0%} of the roofline"
        )
        figure(
            f"a step of the {stage} at {size}, of stock's time",
            mine[stage] / theirs[stage],
            "x",
            limit=1 / 1.5,
            beside=beside,
        )
    beside = f"{mine['decode']:.2f} s, stock {theirs['decode']:.2f} s"
    figure(f"decoding at {size}, of stock's time", mine["decode"] / theirs["decode"], "x", beside=beside)
    whole = reckoned(theirs, *STOCK)
    for recipe in FULL.recipes:
        seconds = reckoned(mine, recipe.prior_steps, recipe.decoder_steps)
        beside = (
            f"the stock pipelines at their 60 + 12 steps: {whole:.0f} s, {whole / seconds:.1f} times as long"
        )
        figure(f"a picture of {size} at `{recipe.name}`, reckoned", seconds, "s", beside=beside)


def reckoned(marks: Marks, prior: int, decoder: int) -> float:
    """Return the seconds of a picture after its words were read."""
    return prior * marks["prior"] + decoder * marks["decoder"] + marks["decode"]


def least(turns: list[Any]) -> Marks:
    """Return each time's least value: what disturbs a run only ever slows it."""
    return {name: min(turn[name] for turn in turns) for name in turns[0] if name != "paces"}


def median(runs: list[Any], name: str) -> float:
    """Return the median of one mark."""
    return statistics.median(run[name] for run in runs)


def child(name: str, folder: Path, sizes: list[int], precision: str) -> Any:
    """Let one painter work in a process of its own; return its marks."""
    asked = ["--child", name, "--folder", str(folder), "--precision", precision, "--sizes", *map(str, sizes)]
    command = [sys.executable, "-m", "bench.painter_full", *asked]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def ours(folder: Path, sizes: list[int], precision: str) -> dict[str, Any]:
    """Return the marks of the project's painter."""
    from prompt2pic.painters.wuerstchen import WuerstchenPainter
    from prompt2pic.painters.wuerstchen_flow import Sketch, paint
    from prompt2pic.painters.wuerstchen_levels import Recipe

    begun = time.perf_counter()
    painter = WuerstchenPainter(str(folder), precision=precision, memory=folder / "precision.json")
    name = painter.load(lambda fraction, what: None).device
    marks: dict[str, Any] = {"load": time.perf_counter() - begun, "name": name}
    model = painter._expect_loaded().model
    steps = STEPS["ours"]
    recipe = Recipe(name="trial", prior_steps=steps, decoder_steps=steps, sampler="ddpm", guidance=4.0)
    for size in sizes:
        sketch = Sketch(prompt=PROMPT, negative="", width=size, height=size, seeds=[(0, None)], recipe=recipe)
        before = paces(model.candidate)
        marks[str(size)] = timed(steps, lambda step, sketch=sketch: drive(paint(model, sketch), step))  # type: ignore[misc]
        after = paces(model.candidate)
        marks[str(size)]["paces"] = {kind: (before[kind] + after[kind]) / 2 for kind in before}
    marks["peak"] = peak()
    return marks


def drive(painting: Any, step: Callable[[], None]) -> None:
    """Run a painting, telling of each step."""
    for _ in painting:
        step()


def paces(candidate: Any) -> Marks:
    """Return the operations a second that a candidate has in its layers, convolutions and attention's products."""
    import torch

    from prompt2pic.painters.int8 import in_int8
    from prompt2pic.painters.packed import pack

    def pace(operations: float, action: Callable[[], object]) -> float:
        action()
        begun, times = time.perf_counter(), 0
        while (taken := time.perf_counter() - begun) < WINDOW:
            action()
            times += 1
        return operations * times / taken

    with torch.inference_mode():
        wide = torch.nn.Linear(NARROW, WIDE).to(candidate.dtype)
        given = torch.randn(PLACES, NARROW).to(candidate.dtype)
        layer = in_int8(wide) if candidate.int8 else wide
        one = torch.randn(PLACES, NARROW).to(candidate.dtype)
        other = torch.randn(NARROW, WIDE).to(candidate.dtype)
        every = 2.0 * PLACES * NARROW * WIDE
        # The decoder's first of those that halve the picture, at 1024 pixels
        convolution = torch.nn.Sequential(torch.nn.Conv2d(320, 640, 2, 2))
        convolution.to(candidate.dtype, memory_format=torch.channels_last)
        pack(convolution)
        image = torch.randn(1, 320, 128, 128).to(candidate.dtype, memory_format=torch.channels_last)
        return {
            "layers": pace(every, lambda: layer(given)),
            "convolutions": pace(2.0 * 64 * 64 * 640 * 320 * 4, lambda: convolution(image)),
            "attention": pace(every, lambda: one @ other),
        }


def stock(folder: Path, sizes: list[int], precision: str) -> dict[str, Any]:
    """Return the marks of diffusers' pipelines in fp32, whatever the precision of ours."""
    from prompt2pic.painters.wuerstchen_files import find_checkpoint

    begun = time.perf_counter()
    model = stock_model(find_checkpoint(str(folder)))
    marks: dict[str, Any] = {"load": time.perf_counter() - begun}
    paint, steps = stock_pipelines(model), STEPS["stock"]
    for size in sizes:
        marks[str(size)] = timed(steps, lambda step, size=size: paint(PROMPT, size, size, steps, steps, step))  # type: ignore[misc]
    return marks | {"peak": peak()}


def timed(count: int, painting: Callable[[Callable[[], None]], object]) -> Marks:
    """Return the seconds of the fastest step of each stage but its first, and of the decoding."""
    at: list[float] = []
    painting(lambda: at.append(time.perf_counter()))
    end = time.perf_counter()
    steps = [after - before for before, after in pairwise(at)]
    return {"prior": min(steps[: count - 1]), "decoder": min(steps[count:]), "decode": end - at[-1]}


def peak() -> float:
    """Return the most bytes that this process held in memory."""
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
