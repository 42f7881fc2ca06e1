"""A painter process that dies or hangs in mid-step costs an attempt, and the next job is painted soon."""

import os
import signal
import time
from pathlib import Path

import pytest

from prompt2pic.core.events import Event, Failed, Finished, Progressed
from tests.integration.test_worker import Bench, bench
from tests.servers.service import eventually

BUILT_IN = "wuerstchen"
LONG = 4  # pictures, so that there is time to strike


def painter_process(at: Bench) -> int:
    """Return the process id of the worker's painter."""
    child = at.worker._easel._child
    assert child is not None
    return child.pid


def ends(at: Bench) -> list[Event]:
    """Return what ended attempts so far."""
    return [event for event in at.events() if isinstance(event, Failed | Finished)]


def strike(at: Bench, fault: signal.Signals) -> float:
    """Let a fault befall the painter in mid-picture; return the seconds until the next attempt has begun."""
    at.ask("one", count=LONG)
    eventually(lambda: at.worker._painting.attempt and at.worker._painting.attempt.step, "no step")
    os.kill(painter_process(at), fault)
    began = time.monotonic()
    at.ask("two")
    at.until("Started", 2)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("fault", "reason"), [(signal.SIGKILL, "painter-crashed"), (signal.SIGSTOP, "painter-hung")]
)
@pytest.mark.parametrize("painter", ["stub:2", BUILT_IN])
def test_fault(
    tmp_path: Path,
    painter: str,
    fault: signal.Signals,
    reason: str,
) -> None:
    """The attempt is counted with its reason, once, and a new process paints both jobs."""
    if painter == BUILT_IN:
        pytest.importorskip("torch", reason="the painter's libraries are not installed")
    with bench(tmp_path, painter) as at:
        first = painter_process(at)
        strike(at, fault)
        assert painter_process(at) != first
        failed = ends(at)[0]
        assert isinstance(failed, Failed)
        assert (failed.request, failed.reason, failed.final) == ("one", reason, False)
        at.until("Finished", 2)
        assert at.kinds().count("Claimed") == 3
        assert {event.request for event in ends(at) if isinstance(event, Finished)} == {"one", "two"}


def test_slow_is_not_hung(tmp_path: Path) -> None:
    """A painter whose step takes longer than the shortest patience, as it told before, is left to paint."""
    with bench(tmp_path, "stub:80") as at:  # a step of 4 s
        at.ask("one")
        eventually(lambda: any(isinstance(event, Progressed) for event in at.events()), "no step", 30)
        time.sleep(4)
        assert ends(at) == []
