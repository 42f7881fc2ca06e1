"""One trial: people ask, the monkey plays, everything comes to rest, the log is read."""

import io
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from PIL import Image

from tests.chaos.checker import violations
from tests.chaos.history import History, beliefs, counted, told
from tests.chaos.monkey import Monkey
from tests.chaos.people import Accepted, ask_all
from tests.chaos.tape import KafkaTape, SqliteTape, Tape
from tests.chaos.verdict import Verdict, judge
from tests.servers.service import Service, eventually

if TYPE_CHECKING:
    from tests.servers.kafka import Kafka

PAINTER = "stub:0.2"  # 100 ms at fast, 150 at balanced, 200 at best
WORKERS = 3
FAIR = 2.0  # seconds of painting that anybody may get beyond somebody who waits: ten turns at best
WASTED = 0.25  # of the seconds painted


class Trial(NamedTuple):
    """What happened: what the people heard, what the monkey did, what the log says, what the server shows."""

    accepted: Accepted
    done: dict[str, int]
    verdict: Verdict
    history: History
    shown: dict[str, dict[str, str]]
    seconds: float

    def story(self) -> str:
        """Return the figures on a few lines."""
        verdict = self.verdict
        played = ", ".join(f"{count} x {what}" for what, count in sorted(self.done.items()))
        return (
            f"{len(self.accepted)} accepted ({self.accepted.repeats} calls repeated after a broken connection,"
            f" {self.accepted.refused} after 429 or 503) in {self.seconds:.0f} s; {played}\n"
            f"{len(verdict.turns)} claims counted, {verdict.late} records of lost attempts did not;"
            f" {verdict.counted:.1f} s painted for good, at most {verdict.wasted:.1f} s in vain"
            f" ({verdict.share_wasted():.1%}); most unfair: {verdict.unfair:.2f} s\n"
            f"{len(self.history.beliefs)} times a worker believed to hold an attempt;"
            f" {len(self.history.absences)} times one was away; {len(violations(self.history))} violations"
        )


def hold(
    folder: Path,
    *,
    seed: int,
    requests: int,
    people: int,
    limit: float,
    period: float = 1.5,
    cluster: "Kafka | None" = None,
    prefix: str = "",
) -> Trial:
    """Hold a trial of at most `limit` seconds in a folder, over SQLite or topics of a cluster."""
    service = _service(folder / "data", cluster, prefix)
    if cluster is None:
        return _hold(
            service, SqliteTape(service.data / "log.sqlite3"), None, seed, requests, people, limit, period
        )
    with closing(KafkaTape(cluster.servers, prefix)) as tape:
        return _hold(service, tape, cluster, seed, requests, people, limit, period)


def _service(data: Path, cluster: "Kafka | None", prefix: str) -> Service:
    log = {"log": f"kafka://{cluster.servers}", "topic_prefix": prefix} if cluster is not None else {}
    return Service(
        data,
        painter=PAINTER,
        workers=WORKERS,
        quota_waiting="1000",
        quota_day="100000",
        grace_seconds="2",
        max_attempts="20",
        log_level="debug",
        **log,
    )


def _hold(
    service: Service,
    tape: Tape,
    cluster: "Kafka | None",
    seed: int,
    requests: int,
    people: int,
    limit: float,
    period: float,
) -> Trial:
    began = time.monotonic()
    often = requests // 250
    with service:
        monkey = Monkey(
            service,
            seed,
            period=period,
            pauses=3 + often,
            wipes=1 + often,
            cluster=cluster,
            brokers=2 * (1 + often) if cluster else 0,
        )
        monkey.start()
        try:
            accepted = ask_all([service.address], requests, people, seed, began + limit)
            _until(2 * WORKERS, tape, began + limit)
        finally:
            monkey.stop()
        _until(0, tape, began + limit)
        eventually(lambda: _answers(service), "the page does not come back")
        shown = {person: _shown(service, person) for person in accepted.jobs}
        service.stop()
    seconds = time.monotonic() - began
    records = tape.read()
    history = History(
        frozenset(job for theirs in accepted.jobs.values() for job in theirs.values()),
        counted(records),
        beliefs(told(service.log.read_text(errors="replace")), records),
        monkey.absences,
        1000 * time.time(),
    )
    return Trial(accepted, dict(monkey.done), judge(records), history, shown, seconds)


def _until(most: int, tape: Tape, limit: float) -> None:
    """Return once at most so many requests have not ended; `limit` is monotonic."""
    while len(lost := judge(tape.read()).unended()) > most:
        assert time.monotonic() < limit, f"{len(lost)} requests do not end: {sorted(lost)[:5]}"
        time.sleep(0.5)


def _answers(service: Service) -> bool:
    try:
        return service.call("GET", "/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _shown(service: Service, person: str) -> dict[str, str]:
    """Return the prompt that each of a person's pictures was painted from, by the job's id."""
    found: dict[str, str] = {}
    with httpx.Client(base_url=service.address, timeout=30) as client:
        page: dict[str, Any] = {"has_more": True}
        while page["has_more"]:
            before = {"before": list(found)[-1]} if found else {}
            page = client.get("/v1/jobs", params={"user": person, "limit": 100, **before}).json()
            found |= {job["id"]: _prompt(client, job) for job in page["data"]}
    return found


def _prompt(client: httpx.Client, job: dict[str, Any]) -> str:
    if job["status"] != "succeeded":
        return str(job["status"])
    picture = Image.open(io.BytesIO(client.get(job["output"][0]["url"]).content))
    return str(picture.info["parameters"]).partition("\n")[0]


def check(trial: Trial) -> None:
    """Assert what must hold whatever was killed."""
    jobs = {job: prompt for theirs in trial.accepted.jobs.values() for prompt, job in theirs.items()}
    stories = trial.verdict.stories
    assert jobs.keys() == stories.keys(), "accepted and kept are not the same"
    assert not trial.verdict.orphans, "events of requests that nobody made"
    assert not trial.verdict.unended(), "lost"
    assert all(len(story.ends) == 1 for story in stories.values())
    assert {end["type"] for story in stories.values() for end in story.ends} == {"finished"}
    for person, theirs in trial.accepted.jobs.items():
        assert trial.shown[person] == {job: prompt for prompt, job in theirs.items()}, person
    assert violations(trial.history) == []
    assert trial.verdict.unfair <= FAIR, f"{trial.verdict.unfair:.2f} s unfair"
    assert trial.verdict.share_wasted() <= WASTED, f"{trial.verdict.share_wasted():.0%} painted in vain"
