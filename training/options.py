"""The options that every stage shares."""

import argparse
import random
from pathlib import Path

import torch


def parser(what: str | None) -> argparse.ArgumentParser:
    """A parser with the work folder and the seed."""
    options = argparse.ArgumentParser(description=what)
    options.add_argument("--work", type=Path, default=Path("work"), help="folder of everything that is made")
    options.add_argument("--seed", type=int, default=0)
    return options


def training_parser(what: str | None, minutes: float, rate: float, batch: int) -> argparse.ArgumentParser:
    """A parser with what a training loop needs on top; the defaults are those of the shipped run."""
    options = parser(what)
    options.add_argument(
        "--minutes", type=float, default=minutes, help="training time in all, resumed runs included"
    )
    options.add_argument("--steps", type=int, help="stop after so many steps instead")
    options.add_argument("--batch", type=int, default=batch)
    options.add_argument("--rate", type=float, default=rate, help="highest learning rate")
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--precision", choices=["bf16", "fp32"], default="bf16", help="measure: CPUs differ")
    options.add_argument("--compile", action="store_true", help="torch.compile: wants a C++ compiler")
    options.add_argument("--threads", type=int, default=2, help="CPU threads")
    return options


def seed(options: argparse.Namespace) -> None:
    """Seed every source of chance and set the CPU threads."""
    random.seed(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(getattr(options, "threads", 2))
