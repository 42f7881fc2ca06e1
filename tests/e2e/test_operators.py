"""What an owner does with the queue from the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_command_line import prompt2pic, told
from tests.servers.service import Service, eventually


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one worker that takes a while for each picture."""
    with Service(
        tmp_path_factory.mktemp("operators") / "data", painter="stub:20", max_attempts="1"
    ) as running:
        yield running


def said(service: Service, *arguments: str) -> str:
    """Return what a command prints."""
    done = prompt2pic(service.data.parent, *arguments, data=str(service.data))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_queue_is_listed_in_the_order_of_turns(service: Service) -> None:
    """`queue` counts and lists what is painted, then what waits, for people and for programs."""
    held = service.ask("one", user="anna")["id"]
    eventually(lambda: service.job(held, "anna")["status"] == "processing", "not painting")
    waiting = [service.ask("two", user="anna")["id"], service.ask("three", user="ivan")["id"]]
    lines = said(service, "queue").splitlines()
    assert lines[0] == "2 requests wait, 1 is being painted."
    assert [line.split()[:2] for line in lines[1:]] == [
        ["painting", held],
        ["waiting", waiting[1]],  # ivan has had no turn yet
        ["waiting", waiting[0]],
    ]
    listed = json.loads(said(service, "queue", "--json"))
    assert [job["state"] for job in listed] == ["held", "waiting", "waiting"]
    assert said(service, "queue", "--language", "ru").startswith("Ждут 2 запроса, рисуется 1.")


def test_a_job_is_dropped_shown_and_retried(service: Service) -> None:
    """`drop` cancels, `show` tells the history in plain words, `retry` asks again, and nothing twice."""
    job = service.ask("dropped")["id"]
    assert "is dropped" in said(service, "queue", "drop", job[:13])
    assert service.ended(job)["status"] == "canceled"
    history = said(service, "queue", "show", job).splitlines()
    assert [line.split("  ")[1] for line in history] == [f"{job} was asked for", "cancelled by the owner"]
    assert "has ended already" in told(refused(service, "queue", "drop", job))
    again = said(service, "queue", "retry", job).split()[-1].rstrip(".")
    assert service.job(again)["input"]["prompt"] == "dropped"
    assert "nothing to retry" in told(refused(service, "queue", "retry", again))
    assert [event["type"] for event in json.loads(said(service, "queue", "show", job, "--json"))] == [
        "cancelled"
    ]


def refused(service: Service, *arguments: str):  # type: ignore[no-untyped-def]
    """Return what came of a command that is refused."""
    return prompt2pic(service.data.parent, *arguments, data=str(service.data))


def test_an_unknown_job_is_named(service: Service) -> None:
    """An id that is not there is told in a sentence."""
    assert "ffff" in told(refused(service, "queue", "show", "ffff"))


def test_draining_stops_the_intake_and_the_workers(tmp_path: Path) -> None:
    """`drain`: what is painted is ended, what waits stays, new requests are refused kindly until `--off`."""
    with Service(tmp_path / "data", painter="stub:1") as service:
        first, second = (service.ask(name, level="best")["id"] for name in ("one", "two"))
        eventually(lambda: service.job(first)["status"] == "processing", "not painting")
        said(service, "drain")
        answer = service.call("POST", "/v1/jobs", json={"prompt": "three"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "draining")
        assert "Retry-After" in answer.headers
        assert service.ended(first)["status"] == "succeeded"
        assert service.job(second)["status"] == "queued"
        said(service, "drain", "--off")
        assert service.ended(second)["status"] == "succeeded"
