"""A painter process that is killed or hangs in mid-picture: until the next attempt has begun.

python -m bench.faults
"""

import signal
import statistics
import tempfile
from pathlib import Path

from bench.figures import figure
from tests.integration.test_worker import bench
from tests.integration.test_worker_painter_dies import BUILT_IN, strike

ROUNDS = 3


def main() -> None:
    """Print the median seconds from the fault to the next attempt, with the built-in model loaded anew."""
    for fault, told in ((signal.SIGKILL, "is killed"), (signal.SIGSTOP, "hangs")):
        seconds = [after(fault) for _ in range(ROUNDS)]
        beside = f"at most {max(seconds):.1f} s of {ROUNDS}"
        figure(
            f"the next attempt after the painter {told}",
            statistics.median(seconds),
            "s",
            limit=10,
            beside=beside,
        )


def after(fault: signal.Signals) -> float:
    """Return the seconds of one such fault."""
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder), BUILT_IN) as at:
        return strike(at, fault)


if __name__ == "__main__":
    main()
