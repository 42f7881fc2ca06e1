"""Who of several processes on one machine tells people: whoever holds the lock on a file."""

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

_LOOK = 1.0  # seconds between two tries


class FileShare:
    """All of the work for the process that holds the lock beside the log's file, none for the others.

    The lock ends with its process, however that ends (flock(2)).
    """

    def __init__(self, log: Path) -> None:
        self._file = os.open(log.with_name(f"{log.name}.telling"), os.O_RDWR | os.O_CREAT, 0o600)
        self._held = False
        self._closing = threading.Event()

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to take part; `changed` is called, in any thread, once the work is this process's."""
        threading.Thread(target=self._wait, args=(changed,), daemon=True, name="share").start()

    def mine(self, partition: int) -> bool:
        """Whether the work is this process's now."""
        return self._held

    def close(self) -> None:
        """Leave the work to others."""
        self._closing.set()
        self._held = False
        os.close(self._file)

    def _wait(self, changed: Callable[[], None]) -> None:
        while not self._closing.is_set():
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._closing.wait(_LOOK)
                continue
            except OSError:  # closed between
                return
            self._held = True
            changed()
            return
