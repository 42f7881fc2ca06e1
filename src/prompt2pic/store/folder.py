"""A folder as the home of pictures."""

import errno
import fcntl
import math
import os
import re
import time
from pathlib import Path

from obstore.store import LocalStore

from prompt2pic.core.errors import PictureMissing, Problem, StoreUnavailable
from prompt2pic.store.links import Links

_KEYS = {
    errno.ENOSPC: "store-full",
    errno.EDQUOT: "store-full",
    errno.EACCES: "store-read-only",
    errno.EPERM: "store-read-only",
    errno.EROFS: "store-read-only",
    errno.ENOTDIR: "store-no-folder",
    errno.EEXIST: "store-no-folder",
    errno.ENOENT: "store-no-folder",
}
_ERRNO = re.compile(r"\(os error (\d+)\)")


class Folder:
    """Keeps pictures as files under `path`, which is made where it is missing. Raises StoreUnavailable."""

    create_only = True

    def __init__(self, path: str, links: Links) -> None:
        self.name = path
        self._links = links
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
            self._root = Path(path).resolve(strict=True)
        except OSError as error:
            raise self._unavailable(error) from error
        self.objects = LocalStore(self._root, automatic_cleanup=True)

    def settle(self, key: str) -> None:
        """Make a picture and the folders that lead to it survive a power cut, or leave nothing of it."""
        path = self._root / key
        try:
            _sync(path)
            for folder in path.parents[: len(Path(key).parts)]:
                _sync(folder)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise self._unavailable(error) from error

    def link(self, key: str, seconds: float) -> str:
        """Return an address that the web process serves for `seconds`."""
        return self._links.address(key, math.ceil(time.time() + seconds))

    def explain(self, error: Exception, key: str) -> Problem:
        """Return what an error of the file system means."""
        if isinstance(error, FileNotFoundError):
            return PictureMissing("picture-missing", picture=key)
        return self._unavailable(error)

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        number = _number(error)
        if number in _KEYS:
            return StoreUnavailable(_KEYS[number], place=self.name)
        return StoreUnavailable("store-fails", place=self.name, reason=os.strerror(number) if number else "")


def _number(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno:
        return error.errno
    # obstore gives the operating system's error as text only
    found = _ERRNO.search(str(error))
    return int(found[1]) if found else 0


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync alone stops at the drive's cache
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    finally:
        os.close(handle)
