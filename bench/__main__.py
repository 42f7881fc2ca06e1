"""Runs every bench, or the named ones: `python -m bench [overhead idle ...]`."""

import subprocess
import sys

BENCHES = ("overhead", "idle", "log_sqlite", "fold", "choice", "workers", "start", "painter")


def main() -> int:
    """Run the benches one after the other, each in a process of its own, and return the worst exit code."""
    asked = sys.argv[1:] or BENCHES
    unknown = [name for name in asked if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"There is no bench {unknown[0]}: {', '.join(BENCHES)}\n")
        return 2
    return max(run(name) for name in asked)


def run(name: str) -> int:
    """Run one bench under its name."""
    print(f"\n{name}", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
