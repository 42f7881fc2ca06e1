"""What `prompt2pic run` costs while nobody asks: CPU share of one core over all its processes.

python -m bench.idle [--seconds 30]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from bench.figures import figure
from tests.servers.service import Service


def main() -> None:
    """Print each process's share of a core while idle, and their sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--painter", default="stub:0.05")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(Path(folder) / "data", painter=asked.painter) as service,
    ):
        service.ended(service.ask()["id"])
        time.sleep(3)  # the calibration and the first heartbeats are over
        before = {pid: seconds(pid) for pid in service.processes()}
        time.sleep(asked.seconds)
        shares = {
            line.strip(): (seconds(pid) - before.get(pid, 0.0)) / asked.seconds
            for pid, line in service.processes().items()
        }
    for line, share in shares.items():
        print(f"{share:7.3%}  {line[-60:]}")
    figure("CPU of `prompt2pic run` while nobody asks, of a core", sum(shares.values()), "%", limit=0.01)


def seconds(pid: int) -> float:
    """Return the CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
