"""Previews on their way from the painter to the ledger: newest first, never too large."""

import base64
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from prompt2pic.core.events import Progressed
from prompt2pic.core.jobs import TRANSITIONS
from prompt2pic.core.ports import LARGEST_PREVIEW, PaintOrder, Step
from prompt2pic.worker import child
from prompt2pic.worker.attempt import Attempt
from prompt2pic.worker.child import Paint, Stepped
from tests.unit.samples import held


def attempt() -> Attempt:
    """Return an attempt at a job of one picture."""
    return Attempt(held(), "a", "best", 15.0, 8.0, 0, 30.0, 0.0, 0.0, 0.0)


def step(preview: bytes = b"", number: int = 1) -> Step:
    """Return one of four steps."""
    return Step(picture=0, step=number, steps=4, preview=preview)


def told(at: Attempt) -> Progressed:
    """Return what the ledger would be told."""
    return at.progress(1.0)


def test_progress_carries_the_newest_preview() -> None:
    """Also when the steps after it had none; before there is one it carries nothing."""
    at = attempt()
    at.note(step())
    assert told(at).preview == ""
    for preview in (b"old", b"new", b""):
        at.note(step(preview))
    assert base64.b64decode(told(at).preview) == b"new"


def test_a_preview_is_written_once() -> None:
    """What the log has already is not written again; the fold keeps it until a newer one comes."""
    at = attempt()
    at.note(step(b"one"))
    first = told(at)
    at.shown = at.preview
    at.note(step(b"one", 2))
    second = told(at)
    assert (first.preview, second.preview) == (base64.b64encode(b"one").decode(), "")
    job = at.job
    for offset, event in enumerate((first, second), start=1):
        assert TRANSITIONS[Progressed](job, offset, 0, event)
    assert job.progress is not None
    assert (job.progress.step, job.progress.preview) == (2, first.preview)


def test_a_preview_that_is_too_large_is_left_out() -> None:
    """The ledger never gets more than 2,048 characters of it."""
    at = attempt()
    at.note(step(bytes(LARGEST_PREVIEW)))
    assert len(told(at).preview) == 2048
    at.note(step(bytes(LARGEST_PREVIEW + 1), 2))
    assert len(told(at).preview) == 2048
    assert told(at).step == 2


def test_a_preview_of_a_step_that_is_not_told_goes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps come faster than they are told; no preview is lost with them, and none is sent twice."""
    sent: list[Stepped] = []
    orders, pipe = Mock(), SimpleNamespace(send=sent.append)
    on_step = child._stepper(Paint("a", PaintOrder(prompt="x", width=1, height=1)), orders, pipe)  # type: ignore[arg-type]
    for period, number, preview in [(1e9, 1, b"old"), (1e9, 2, b"new"), (0.0, 3, b""), (0.0, 4, b"")]:
        monkeypatch.setattr(child, "_STEP_PERIOD", period)
        on_step(step(preview, number))
    assert [(message.step.step, message.step.preview) for message in sent] == [(3, b"new"), (4, b"")]
