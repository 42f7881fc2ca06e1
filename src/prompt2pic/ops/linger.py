"""A process that can not go on says why for a while: a probe can tell it, and the next start has a pause before it."""

import signal
import tempfile
import time
from pathlib import Path


def why_file() -> Path:
    """Return the file in which a process leaves the reason; a container has one process and one such file."""
    return Path(tempfile.gettempdir()) / "prompt2pic-why"


def forget() -> None:
    """Remove what an earlier start left."""
    why_file().unlink(missing_ok=True)


def linger(sentence: str, seconds: float) -> None:
    """Leave a sentence for `probe`, for so many seconds or until SIGTERM or Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        why_file().write_text(sentence, "utf-8")
        time.sleep(seconds)
    except (KeyboardInterrupt, OSError):
        return
    finally:
        forget()


def _leave(*_: object) -> None:
    raise KeyboardInterrupt
