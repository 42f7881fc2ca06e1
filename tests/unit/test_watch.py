"""Slow looks of a health check, and the disk that it tells of."""

import queue
from pathlib import Path

import pytest

from prompt2pic.core.errors import Problem, StoreUnavailable
from prompt2pic.ops.watch import Watch
from prompt2pic.settings import refuse_full
from prompt2pic.settings.folder import ROOM
from prompt2pic.texts import sentence


class Place:
    """A store whose next looks are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: Exception | None) -> None:
        self.found = iter(found)
        self.pauses: queue.Queue[float] = queue.Queue()
        self.go: queue.Queue[None] = queue.Queue()
        monkeypatch.setattr(Watch, "_pause", lambda _watch, seconds: self._sleep(seconds))

    def look(self) -> None:
        """Find what is given."""
        if error := next(self.found):
            raise error

    def _sleep(self, seconds: float) -> None:
        self.pauses.put(seconds)
        self.go.get()


def test_what_is_wrong_is_told_until_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that refuses is told in a sentence and looked at more often, until a look finds it well."""
    refused = StoreUnavailable("store-denied", place="s3://pictures")
    place = Place(monkeypatch, refused, ValueError("odd"), None)
    watch = Watch(place.look, sentence)
    short = place.pauses.get(timeout=10)
    assert watch.wrong() == sentence(refused)
    place.go.put(None)
    assert place.pauses.get(timeout=10) == short
    assert watch.wrong() == "odd"
    place.go.put(None)
    assert place.pauses.get(timeout=10) > short
    assert watch.wrong() is None


def test_a_disk_as_good_as_full_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with room is fine; one whose disk has next to none, or that is gone, gets a sentence."""
    refuse_full(tmp_path)
    with pytest.raises(Problem, match="data-folder-unusable"):
        refuse_full(tmp_path / "gone")
    monkeypatch.setattr("prompt2pic.settings.folder.ROOM", 10**12)
    with pytest.raises(Problem) as caught:
        refuse_full(tmp_path)
    assert "free some room" in sentence(caught.value)
    assert ROOM < 10**12
