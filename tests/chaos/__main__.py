"""`python -m tests.chaos --seed N --requests 500 --people 20`: a trial as long as you like, with its figures."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.trial import check, hold


def main() -> int:
    """Hold one trial and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds")
    parser.add_argument("--period", type=float, default=1.5, help="seconds between two blows, on average")
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        trial = hold(Path(folder), **vars(asked))
    sys.stdout.write(trial.story() + "\n")
    check(trial)
    return 0


if __name__ == "__main__":
    sys.exit(main())
