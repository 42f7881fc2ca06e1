"""This queue over Kafka against consumer groups and a share group, with and without kills.

python -m bench.queue [--only "this queue"] [--trial "with kills"]
"""

import argparse
import tempfile
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path

from bench.figures import figure
from bench.queue.groups import MODES, group
from bench.queue.ours import ours
from bench.queue.trial import Contestant, Trial, run
from tests.servers.kafka import kafka

TRIALS = {  # each with the goal of this queue, of the ideal
    "calm": (Trial(jobs=40, seconds=1.0, workers=4), 1.08),
    "with kills": (Trial(jobs=60, seconds=1.0, workers=4, kill_every=15.0), 1.25),
    "16 workers": (Trial(jobs=160, seconds=2.0, workers=16), 1.10),
}
OURS = "this queue"


def main() -> None:
    """Run all contestants through all trials on one broker and print their ratios to the ideal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=(OURS, *MODES))
    parser.add_argument("--trial", choices=TRIALS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, kafka(Path(name)) as broker:
        for title, who in product([asked.trial] if asked.trial else TRIALS, (OURS, *MODES)):
            if asked.only in (None, who):
                folder = Path(name) / f"{title}-{who}"
                folder.mkdir()
                _show(title, *TRIALS[title], who, broker.servers, folder)


def _show(title: str, trial: Trial, goal: float, who: str, servers: str, folder: Path) -> None:
    with _contestant(who, trial, servers, folder) as contestant:
        outcome = run(trial, contestant, folder / "workers.log")
    jobs = f"{trial.jobs} jobs of {trial.seconds:g} s, {trial.workers} workers"
    what = f"{who}, {title}: {jobs}, of the ideal"
    beside = f"the ideal: {trial.ideal:g} s; lost {outcome.lost}, done twice {outcome.twice}"
    figure(what, outcome.span / trial.ideal, "x", limit=goal if who == OURS else None, beside=beside)


def _contestant(who: str, trial: Trial, servers: str, folder: Path) -> AbstractContextManager[Contestant]:
    if who == OURS:
        return ours(servers, folder, trial.seconds)
    return group(who, servers, trial.seconds, trial.workers)


if __name__ == "__main__":
    main()
