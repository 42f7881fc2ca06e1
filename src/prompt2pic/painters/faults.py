"""What an error of torch and its neighbours means to whoever reads of it."""

import errno
from collections.abc import Callable
from typing import TypeVar

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.process import free_memory
from prompt2pic.painters.wuerstchen_files import first_line

Loaded = TypeVar("Loaded")  # a model at work
Result = TypeVar("Result")
_NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "out of memory")  # of errors without a class


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the CPU, on a GPU or while a file was mapped."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if type(error).__name__ == "OutOfMemoryError":  # torch's own, without an import of torch
        return True
    return any(words in str(error).lower() for words in _NO_MEMORY)


def painting_failed(error: BaseException) -> PaintFailed:
    """Return the failure that a person is told of when an error stopped their picture."""
    if is_out_of_memory(error):
        return PaintFailed("painter-out-of-memory")
    return PaintFailed("painter-broke", reason=first_line(error))


def paint_surely(
    paint: Callable[[Loaded], Result], loaded: Loaded, widened: Callable[[], Loaded] | None
) -> Result:
    """Paint, and where the numbers ran away once more with the model in fp32; it is so where `widened` is None."""
    try:
        return paint(loaded)
    except PaintFailed as failed:
        if failed.key != "picture-not-finite" or widened is None:
            raise
    free_memory()
    return paint(widened())
