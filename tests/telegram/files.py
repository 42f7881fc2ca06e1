"""Files that Telegram keeps."""

import io
import mimetypes
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.telegram.refusals import Refusal, bad_request

MEGABYTE = 1024 * 1024
_LARGEST_PHOTO = 10 * MEGABYTE  # #sendphoto: at most 10 MB
_LARGEST_FILE = 50 * MEGABYTE  # #senddocument: bots can send files of up to 50 MB
_LARGEST_DOWNLOAD = 20 * MEGABYTE  # #getfile: bots can download files of up to 20 MB
_LONGEST_SIDES = 10_000  # #sendphoto: width and height must not exceed 10000 in total
_LARGEST_RATIO = 20  # #sendphoto: width and height ratio must be at most 20
_THUMBNAIL = 90  # pixels of the smaller copy that comes with each photo


@dataclass(frozen=True, kw_only=True)
class File:
    """A file, once uploaded; a photo has its size in pixels."""

    id: str
    unique_id: str
    kind: str
    name: str
    data: bytes
    width: int = 0
    height: int = 0

    @property
    def path(self) -> str:
        """Return where it can be downloaded."""
        return f"{self.kind}s/{self.unique_id}-{self.name}"

    def as_json(self) -> Any:
        """Return what stands in a message: the sizes of a photo, or a document (#photosize, #document)."""
        ids = {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": len(self.data)}
        if self.kind == "photo":
            return [size | ids for size in self._sizes()]
        mime, _ = mimetypes.guess_type(self.name)
        return ids | {"file_name": self.name, "mime_type": mime or "application/octet-stream"}

    def _sizes(self) -> list[dict[str, int]]:
        factor = _THUMBNAIL / max(self.width, self.height)
        full = {"width": self.width, "height": self.height}
        small = {name: max(1, round(side * factor)) for name, side in full.items()}
        return [small, full] if factor < 1 else [full]


class Files:
    """All of them. All sizes of a photo share one `file_id`, and the file is kept as it was uploaded."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def add(self, kind: str, name: str, data: bytes) -> File:
        """Keep an upload, or refuse it."""
        _check_size(kind, data)
        width, height = _dimensions(data) if kind == "photo" else (0, 0)
        number = len(self._files) + 1
        file = File(
            id=f"AgACAgIAAxkBAAI{kind[0].upper()}{number:06}",
            unique_id=f"AQAD{number:06}",
            kind=kind,
            name=name,
            data=data,
            width=width,
            height=height,
        )
        self._files[file.id] = file
        return file

    def reused(self, kind: str, file_id: str) -> File:
        """Return a file to be sent again; its kind can't change (#sending-files)."""
        if file_id.startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content")  # the emulator has no Internet
        if (file := self._files.get(file_id)) is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if file.kind != kind:
            raise bad_request(f"can't use file of type {file.kind.title()} as {kind.title()}")
        return file

    def downloadable(self, file_id: str) -> File:
        """Return a file for `getFile`."""
        if (file := self._files.get(file_id)) is None:
            raise bad_request("invalid file_id")
        if len(file.data) > _LARGEST_DOWNLOAD:
            raise bad_request("file is too big")
        return file

    def at(self, path: str) -> File | None:
        """Return the file at a path given by `getFile`."""
        return next((file for file in self._files.values() if file.path == path), None)


def _check_size(kind: str, data: bytes) -> None:
    if not data:
        raise bad_request("file must be non-empty")
    if len(data) > _LARGEST_FILE:
        raise Refusal(413, "Request Entity Too Large")
    if kind == "photo" and len(data) > _LARGEST_PHOTO:
        raise bad_request("file is too big for a photo; the maximum size is 10485760 bytes")


def _dimensions(data: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > _LONGEST_SIDES or max(width, height) > _LARGEST_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return width, height
