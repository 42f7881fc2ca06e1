"""Metrics: one registry, names that dashboards rely on."""

from pathlib import Path

from prompt2pic.ops.metrics import Metrics

NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
    lo:  900      90    0    0    0     0          0         0      900      90    0    0    0     0       0
  eth0: 1500      10    0    0    0     0          0         0     2500      20    0    0    0     0       0
  eth1: 1500       1    0    0    0     0          0         0     2500       2    0    0    0     0       0
"""


def test_what_was_counted_is_exposed() -> None:
    """Counts and measured seconds appear under our prefix with their labels."""
    metrics = Metrics()
    metrics.requests.labels(outcome="finished").inc()
    metrics.waiting.set(3)
    metrics.paint_seconds.labels(level="fast").observe(0.3)
    text = metrics.exposition().decode()
    assert 'prompt2pic_requests_total{outcome="finished"} 1.0' in text
    assert "prompt2pic_waiting_jobs 3.0" in text
    assert 'prompt2pic_paint_seconds_bucket{le="0.5",level="fast"} 1.0' in text


def test_two_processes_in_one_test_do_not_mix() -> None:
    """Every Metrics has its own registry."""
    one, other = Metrics(), Metrics()
    one.dead_letters.inc()
    assert "prompt2pic_dead_letters_total 1.0" in one.exposition().decode()
    assert "prompt2pic_dead_letters_total 0.0" in other.exposition().decode()


def test_packets_of_all_interfaces_but_the_loopback_are_summed(tmp_path: Path) -> None:
    """Network packets come from procfs, the loopback left out."""
    (tmp_path / "dev").write_text(NET_DEV)
    text = Metrics(tmp_path / "dev").exposition().decode()
    assert 'prompt2pic_network_packets_total{way="in"} 11.0' in text
    assert 'prompt2pic_network_packets_total{way="out"} 22.0' in text


def test_a_machine_without_procfs_has_no_packets(tmp_path: Path) -> None:
    """Where the file is missing (macOS), the metric is missing and nothing fails."""
    assert "network_packets" not in Metrics(tmp_path / "none").exposition().decode()
