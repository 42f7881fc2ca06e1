"""Bells: a byte on a Unix socket tells the followers of a file that something was appended."""

import errno
import hashlib
import os
import secrets
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

LONGEST_ADDRESS = 103  # bytes of a Unix socket's path on macOS; Linux has 107
LONGEST_NAME = 10  # bytes of a slash and a bell's name
RING = b"."


def bell_folder(path: Path) -> Path:
    """Return the folder in which the followers of a file hang their bells."""
    folder = path.with_name(path.name + "-wake")
    if len(os.fsencode(folder)) + LONGEST_NAME <= LONGEST_ADDRESS:
        return folder
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"prompt2pic-{digest}"


class Ringer:
    """Rings every bell in a folder; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self) -> None:
        """Ring without waiting; a follower that misses it looks by itself before long."""
        # Listed anew each time: it takes some microseconds, and a cached listing could miss a bell just hung.
        with suppress(OSError):
            for name in os.listdir(self._folder):  # noqa: PTH208 - a third of the time of Path.iterdir
                if not name.startswith("."):
                    self._strike(f"{self._folder}/{name}")

    def _strike(self, address: str) -> None:
        try:
            self._socket.sendto(RING, address)
        except OSError as error:
            # Anything else, such as a full buffer, means that the follower has been rung already or is gone.
            if error.errno == errno.ECONNREFUSED:  # its process was killed
                with suppress(OSError):
                    os.unlink(address)  # noqa: PTH108

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


class Bell:
    """What one follower listens at; `audible` is false where no other process can ring it."""

    def __init__(self, folder: Path) -> None:
        self._address: Path | None = None
        try:
            self._ear, self._rope = self._hang(folder)
        except OSError:  # a full or read-only disk, or one that holds no sockets
            self._ear, self._rope = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._rope.setblocking(False)
        self.audible = self._address is not None

    def _hang(self, folder: Path) -> tuple[socket.socket, socket.socket]:
        folder.mkdir(mode=0o700, exist_ok=True)
        name = secrets.token_hex(4)
        hidden, address = folder / f".{name}", folder / name
        ear, rope = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
        try:
            ear.bind(os.fspath(hidden))
            rope.connect(os.fspath(hidden))
            # Shown only now: a ringer that met a bell before it listens would take it for a dead one.
            hidden.rename(address)
        except OSError:
            ear.close()
            rope.close()
            raise
        self._address = address
        return ear, rope

    def wait(self, seconds: float) -> None:
        """Return when rung, at the latest after some seconds."""
        self._ear.settimeout(seconds)
        with suppress(TimeoutError):
            self._ear.recv(1)

    def hush(self) -> None:
        """Forget the rings so far."""
        self._ear.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._ear.recv(1)

    def ring(self) -> None:
        """Ring this bell from another thread."""
        with suppress(OSError):  # full, so rung already; or closed
            self._rope.send(RING)

    def close(self) -> None:
        """Take the bell down."""
        if self._address is not None:
            self._address.unlink(missing_ok=True)
        self._ear.close()
        self._rope.close()
