"""`python -m tests.chaos --seed N --requests 500 --people 20`: a trial as long as you like, with its figures.

With `--kafka` over three brokers, which are killed and started again, too.
"""

import argparse
import random
import sys
import tempfile
from contextlib import ExitStack
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
    parser.add_argument("--kafka", action="store_true", help="over three brokers instead of SQLite")
    asked = vars(parser.parse_args())
    sys.stdout.write(f"seed {asked['seed']}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if asked.pop("kafka"):
            from tests.chaos.topics import make_topics
            from tests.servers.kafka import kafka

            files = Path(folder) / "kafka"
            files.mkdir()
            asked["cluster"] = stack.enter_context(kafka(files, brokers=3))
            asked["prefix"] = make_topics(asked["cluster"])
        trial = hold(Path(folder), **asked)
    sys.stdout.write(trial.story() + "\n")
    check(trial)
    return 0


if __name__ == "__main__":
    sys.exit(main())
