"""How the process of a painter uses cores and memory."""

import ctypes
import gc
import importlib
import os
import sys
from contextlib import suppress

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.wuerstchen_files import first_line

# A thread that waits for the next operation sleeps after a quarter of a millisecond: to wake it for each would cost a
# tenth of a picture's time, and one that never sleeps would take a core from others.
_WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "10000"}
# The C library's parameters (mallopt(3)). Memory that went back to the system comes again page by page, each in more
# time than a pass over it takes: so it is kept until `free_memory`.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 2**29  # bytes that are free and kept
_LARGE = 2**25  # bytes of a block that is given back at once; the most that glibc allows


def import_libraries(*modules: str) -> None:
    """Import modules of ours that need torch and its neighbours. Raises PaintFailed where those are missing."""
    set_waiting()
    _call("mallopt", _M_TRIM_THRESHOLD, _KEPT)
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE)
    try:
        for module in modules:
            importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:  # diffusers wraps what its parts raise
        raise PaintFailed("painter-libraries-missing", reason=first_line(error)) from None


def set_waiting() -> None:
    """Say how threads wait; torch looks when it is imported."""
    if "torch" not in sys.modules:
        for name, value in _WAITING.items():
            os.environ.setdefault(name, value)


def free_memory() -> None:
    """Give back what nobody holds any more, and what torch keeps for that on a GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> None:
    """Call a function of glibc; other C libraries do without."""
    with suppress(OSError, TypeError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*numbers)
