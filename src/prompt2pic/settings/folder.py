"""The folder of what a process keeps."""

import os
from pathlib import Path

from prompt2pic.core.errors import Problem

ROOM = 50  # MB that must be free: a log, a picture and what is written beside them


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises Problem where that can not be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem("data-folder-unusable", folder=str(folder), why=error.strerror or str(error)) from None


def refuse_full(folder: Path) -> None:
    """Raise Problem where a folder can not be looked at, or its disk is as good as full."""
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        raise Problem("data-folder-unusable", folder=str(folder), why=error.strerror or str(error)) from None
    left = disk.f_bavail * disk.f_frsize // 1_000_000
    if left < ROOM:
        raise Problem("data-folder-full", folder=str(folder), left=left)
