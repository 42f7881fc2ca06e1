"""Brings files of a model from the model hub into its local cache: once, pinned to a commit, and checked."""

import errno
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from prompt2pic.core.errors import PaintFailed
from prompt2pic.painters.room import free_disk, memory_for_weights

_NAME = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+)(?:,([\w./-]+))?)?")
Tell = Callable[[float], None]  # the share of the bytes that are there, 0 to 1
_SPARE = 1 << 28  # bytes that a download leaves free
_CHUNK = 1 << 20  # bytes
_SNAPSHOTS = "snapshots"  # where the hub's client keeps the files of each commit


class _File(NamedTuple):
    path: str
    size: int
    sha256: str | None
    blob: str | None


class _Model(NamedTuple):
    """A model as the hub lists it, and where its files go."""

    name: str
    revision: str
    commit: str
    files: list[_File]

    @property
    def folder(self) -> Path:
        return _home(self.name) / _SNAPSHOTS / self.commit

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def lacking(self) -> int:
        """Bytes of the files that are not here yet."""
        return sum(file.size for file in self.files if not (self.folder / file.path).exists())


def on_hub(source: str) -> tuple[str, str, str] | None:
    """Return the name, the revision (`main` where none is given) and what follows it after a comma; None for a path."""
    named = None if source.startswith((".", "/", "~")) else _NAME.fullmatch(source)
    return None if named is None else (named[1], named[2] or "main", named[3] or "")


def fetch(name: str, revision: str, patterns: Iterable[str], tell: Tell) -> Path:
    """Return the folder of a model's files, as `fetch_all` does."""
    return fetch_all([(name, revision)], patterns, tell)[0]


def fetch_all(models: Iterable[tuple[str, str]], patterns: Iterable[str], tell: Tell) -> list[Path]:
    """Return the folders of models, each a name and a revision; the commit of a first download stays that of it here.

    There is room for all before the first byte comes. What broke off is resumed, what has a wrong checksum is
    downloaded once more. Raises PaintFailed.
    """
    patterns = list(patterns)
    found = [_pinned(*model) or _listed(*model, patterns) for model in models]
    listed = [model for model in found if isinstance(model, _Model)]
    if listed:
        with _told(listed[-1].name, listed[-1].revision):
            _check_room(listed)
    done, total = 0, max(1, sum(model.size for model in listed))
    for model in listed:
        with _told(model.name, model.revision):
            for file in model.files:
                _download(model, file, _bar(partial(_tell_share, tell, done, total)))
                done += file.size
                tell(min(1.0, done / total))
            kept = {"commit": model.commit, "files": {file.path: file.size for file in model.files}}
            _pin(model.name, model.revision).write_text(json.dumps(kept))
    return [model.folder if isinstance(model, _Model) else model for model in found]


def commit_of(folder: Path) -> str:
    """Return the commit of a folder that `fetch` gave; empty for another one."""
    return folder.name if folder.parent.name == _SNAPSHOTS else ""


def _home(name: str) -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"


def _pin(name: str, revision: str) -> Path:
    return _home(name) / f"prompt2pic-{quote(revision, safe='')}.json"


def _pinned(name: str, revision: str) -> Path | None:
    """Return the folder of a model that is here as a whole."""
    try:
        kept = json.loads(_pin(name, revision).read_bytes())
        folder = _home(name) / _SNAPSHOTS / kept["commit"]
        whole = all((folder / path).stat().st_size == size for path, size in kept["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return folder if whole else None


def _listed(name: str, revision: str, patterns: list[str]) -> _Model:
    from huggingface_hub import HfApi

    with _told(name, revision):
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=30)
        files = [
            _File(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None, file.blob_id)
            for file in info.siblings or []
            if any(fnmatchcase(file.rfilename, pattern) for pattern in patterns)
        ]
        return _Model(name, revision, str(info.sha), files)


def _check_room(models: list[_Model]) -> None:
    """Raise PaintFailed where the disk has no room for all that lacks, or the memory none for the weights of one."""
    lacking = [model for model in models if model.lacking]
    if not lacking:
        return
    name, home = lacking[-1].name, _home(lacking[-1].name)
    wanted, free = sum(model.lacking for model in lacking), free_disk(home)
    if wanted + _SPARE > free:
        raise PaintFailed("model-disk-small", name=name, needed=_gb(wanted), free=_gb(free), path=str(home))
    memory = memory_for_weights()
    for model in lacking:
        weights = sum(file.size for file in model.files if file.path.endswith(".safetensors"))
        if memory is not None and weights > memory:
            raise PaintFailed("model-memory-small", name=model.name, needed=_gb(weights), free=_gb(memory))


def _gb(size: int) -> float:
    return round(size / 1e9, 1)


def _tell_share(tell: Tell, before: int, total: int, here: int) -> None:
    tell(min(1.0, (before + here) / total))


def _download(model: _Model, file: _File, bar: Any) -> None:
    from huggingface_hub import hf_hub_download

    for _ in range(2):
        hf_hub_download(model.name, file.path, revision=model.commit, tqdm_class=bar)
        path = model.folder / file.path
        if _right(path, file):
            return
        path.resolve().unlink()
        path.unlink(missing_ok=True)
    raise PaintFailed("model-download-wrong", name=model.name, path=file.path)


def _right(path: Path, file: _File) -> bool:
    """Whether a file has the checksum that the hub tells: SHA-256 of large ones, git's own of the others."""
    if file.sha256 is None and not file.blob:
        return path.stat().st_size == file.size
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(usedforsecurity=False)
    if not file.sha256:
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as data:
        while chunk := data.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == (file.sha256 or file.blob)


def _bar(tell: Callable[[int], None]) -> type:
    """Return what the hub's client takes for a progress bar and tells of each chunk."""

    class Bar:
        """Shows nothing."""

        def __init__(self, *args: Any, initial: int = 0, **options: Any) -> None:
            self._here = initial

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *args, **options: None

        def update(self, n: float = 1) -> None:
            self._here += int(n)
            tell(self._here)

    return Bar


@contextmanager
def _told(name: str, revision: str) -> Iterator[None]:
    """Tell what goes wrong with a model of the hub as PaintFailed."""
    try:
        yield
    except PaintFailed:
        raise
    except Exception as error:  # the hub's client lets errors of three more libraries through
        raise _failure(name, revision, error) from None


def _failure(name: str, revision: str, error: Exception) -> PaintFailed:
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return PaintFailed("model-gated", name=name)
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return PaintFailed("model-not-on-hub", name=name)
    if isinstance(error, RevisionNotFoundError):
        return PaintFailed("model-revision-missing", name=name, revision=revision)
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return PaintFailed(
        "model-disk-full" if full else "model-hub-unreachable", name=name, reason=lines[0][:200]
    )
