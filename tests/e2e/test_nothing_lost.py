"""Nothing is lost and nothing is done twice, whatever is killed."""

import os
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import msgspec

from tests.servers.service import Service, eventually


def ends_in_log(data: Path) -> Counter[str]:
    """Count, straight from the file, the `finished` records of each request."""
    with sqlite3.connect(data / "log.sqlite3") as connection:
        values = [row[0] for row in connection.execute("select value from records")]
    events = [msgspec.json.decode(value) for value in values]
    return Counter(event["request"] for event in events if event.get("type") == "finished")


def test_all_requests_finish_after_everything_was_killed(tmp_path: Path) -> None:
    """kill -9 of every process in the middle of twelve requests: after a restart all twelve finish, once each."""
    with Service(tmp_path / "data", painter="stub:1", workers=2) as service:
        jobs = [service.ask(f"кот {n}", user=f"person {n % 3}", level="best")["id"] for n in range(12)]
        eventually(lambda: service.job(jobs[3], "person 0")["status"] == "succeeded", "nothing is painted")
        time.sleep(0.5)
        service.kill_everything()
        service.start()
        ended = [service.ended(job, f"person {n % 3}") for n, job in enumerate(jobs)]
        assert [job["status"] for job in ended] == ["succeeded"] * 12
        assert ends_in_log(service.data) == Counter(jobs)


def test_a_painter_that_dies_costs_an_attempt(tmp_path: Path) -> None:
    """kill -9 of the painter in mid-picture: the worker lives, and the job is painted by another attempt."""
    with Service(tmp_path / "data", painter="stub:3", workers=1) as service:
        job = service.ask(level="best")["id"]
        eventually(lambda: service.job(job)["status"] == "processing", "painting does not begin")
        worker = service.pids("prompt2pic worker")
        painter = service.pids("multiprocessing.spawn")
        assert len(painter) == 1
        os.kill(painter[0], signal.SIGKILL)
        ended = service.ended(job)
        assert (ended["status"], ended["metrics"]["attempts"]) == ("succeeded", 2)
        assert service.pids("prompt2pic worker") == worker


def test_a_painter_that_hangs_is_replaced(tmp_path: Path) -> None:
    """SIGSTOP of the painter in mid-picture: it is killed before the lease runs out and the job is painted."""
    with Service(tmp_path / "data", painter="stub:3", workers=1) as service:
        job = service.ask(level="best")["id"]
        eventually(lambda: service.job(job)["status"] == "processing", "painting does not begin")
        os.kill(service.pids("multiprocessing.spawn")[0], signal.SIGSTOP)
        assert service.ended(job)["status"] == "succeeded"


def test_a_worker_that_slept_past_its_lease_harms_nothing(tmp_path: Path) -> None:
    """SIGSTOP of a whole worker past its lease: another one paints the job; what wakes up does not count."""
    with Service(tmp_path / "data", painter="stub:3", workers=2) as service:
        job = service.ask(level="best")["id"]
        eventually(lambda: service.job(job)["status"] == "processing", "painting does not begin")
        asleep = holder(service, job)
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        assert service.ended(job)["status"] == "succeeded"
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
        after = service.ask("another one", level="fast")["id"]
        assert service.ended(after)["status"] == "succeeded"
        assert ends_in_log(service.data)[job] == 1


def holder(service: Service, job: str) -> list[int]:
    """Return the processes of the worker that holds the job, its painter included."""
    with sqlite3.connect(service.data / "log.sqlite3") as connection:
        values = [row[0] for row in connection.execute("select value from records")]
    claims = [event for event in map(msgspec.json.decode, values) if event.get("type") == "claimed"]
    name = next(claim["worker"] for claim in claims if claim["request"] == job)
    worker = service.pids(f"--name {name}")[0]
    painters = [pid for pid in service.pids("multiprocessing.spawn") if parent(pid) == worker]
    return [worker, *painters]


def parent(pid: int) -> int:
    """Return the process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_worker_told_to_stop_gives_its_job_back(tmp_path: Path) -> None:
    """SIGTERM to a worker in a long picture: it releases the job at once, no attempt is lost, another paints it."""
    with Service(tmp_path / "data", painter="stub:6", workers=2, grace_seconds="1") as service:
        job = service.ask(level="best")["id"]
        eventually(lambda: service.job(job)["status"] == "processing", "painting does not begin")
        os.kill(holder(service, job)[0], signal.SIGTERM)
        ended = service.ended(job)
        assert (ended["status"], ended["metrics"]["attempts"]) == ("succeeded", 1)


def test_cancel_stops_the_painter(tmp_path: Path) -> None:
    """A cancelled job stops within a step, so that the next one need not wait for it."""
    with Service(tmp_path / "data", painter="stub:40", workers=1) as service:
        long = service.ask(level="best")["id"]
        eventually(lambda: service.job(long)["status"] == "processing", "painting does not begin")
        assert service.call("DELETE", f"/v1/jobs/{long}").json()["status"] == "canceled"
        following = service.ask("next")["id"]
        eventually(lambda: service.job(following)["status"] == "processing", "the painter goes on", 10)
        assert service.call("DELETE", f"/v1/jobs/{following}").json()["status"] == "canceled"
        assert service.call("DELETE", f"/v1/jobs/{following}").json()["status"] == "canceled"


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    """Ctrl-C once, in the middle of a picture, ends every process with exit code 0; the job waits for a restart."""
    with Service(tmp_path / "data", painter="stub:3", workers=2, grace_seconds="1") as service:
        job = service.ask(level="best")["id"]
        eventually(lambda: service.job(job)["status"] == "processing", "painting does not begin")
        assert service.stop() == 0
        assert service.processes() == {}
        service.start()
        assert service.ended(job)["metrics"]["attempts"] == 1


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of `prompt2pic run` alone: its processes notice and leave by themselves."""
    with Service(tmp_path / "data", painter="stub:0.2", workers=1, grace_seconds="1") as service:
        assert service.process is not None
        service.process.kill()
        service.process.wait()
        eventually(lambda: not service.processes(), f"left behind: {service.processes()}", 20)
