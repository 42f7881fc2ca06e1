"""How much memory and disk a model may take here."""

import shutil
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_NVIDIA = Path("/proc/driver/nvidia")


def free_disk(folder: Path) -> int:
    """Return the bytes that a file in a folder, which need not exist yet, may still take."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def memory_for_weights() -> int | None:
    """Return the bytes that files of fp32 weights may have here, None where nobody knows.

    A GPU holds them in half of that; without one they go into the memory that the machine and the container have left.
    """
    gpu = _gpu() if _NVIDIA.exists() else None  # a container sees the driver without having the GPU
    if gpu is not None:
        return 2 * gpu
    known = [left for left in (_machine(), _container()) if left is not None]
    return min(known, default=None)


def _gpu() -> int | None:
    """Return the bytes of the GPU that torch paints on."""
    from prompt2pic.painters.process import set_waiting

    set_waiting()
    import torch

    return torch.cuda.mem_get_info()[1] if torch.cuda.is_available() else None


def _machine() -> int | None:
    with suppress(OSError):
        lines = [line.split() for line in _MEMINFO.read_text().splitlines()]
        return next((int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"), None)
    return None


def _container() -> int | None:
    """Return what cgroup v2 leaves, where it limits; cached files that can be dropped do not count as taken."""
    with suppress(OSError, ValueError):  # `max` is no number: no limit
        limit, taken = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return max(0, limit - taken + int(stat.get("inactive_file", 0)))
    return None
