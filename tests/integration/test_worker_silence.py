"""A lease is as long as the painter's silences ask for, not as the worker's own."""

import time
from pathlib import Path

import pytest

from prompt2pic.core.events import Claimed
from prompt2pic.core.lease import SHORTEST_LEASE
from prompt2pic.core.ports import Place
from prompt2pic.worker import upkeep
from tests.integration.test_worker import bench

SLOW = 5.0  # seconds; four times that is beyond the shortest lease


def test_a_slow_log_makes_no_lease_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an append waits the painter paints on: what was heard late was not said late."""
    monkeypatch.setattr(upkeep, "HEARTBEAT", 0.5)  # seconds; it tells of the longest silence
    with bench(tmp_path, "stub:0.5") as at:
        append = at.log.append

        def slow(place: Place, key: str, value: bytes) -> int:
            if key == "one" and b'"started"' in value:
                time.sleep(SLOW)
            return append(place, key, value)

        monkeypatch.setattr(at.log, "append", slow)
        at.ask("one")
        at.until("Finished")
        time.sleep(2)
        at.ask("two")
        at.until("Finished", 2)
        leases = [event.lease for event in at.events() if isinstance(event, Claimed)]
        assert leases == [SHORTEST_LEASE] * 2
