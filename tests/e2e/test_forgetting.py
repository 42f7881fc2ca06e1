"""Deleting one job and forgetting a person, through the HTTP API and down to the files."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers.service import Service, eventually


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one worker and a painter of a third of a second."""
    with Service(tmp_path_factory.mktemp("forgetting") / "data", painter="stub:0.3") as running:
        yield running


def files(service: Service, job: str) -> list[Path]:
    """Return the files of a job's pictures."""
    return list((service.data / "pictures").glob(f"{job}/**/*.png"))


def listed(service: Service, user: str) -> list[str]:
    """Return what a person sees of their jobs."""
    found = service.call("GET", "/v1/jobs", params={"user": user}).json()["data"]
    return [job["id"] for job in found]


def test_a_job_is_erased(service: Service) -> None:
    """It is gone from the list, its address and its file with it; the person's other job stays."""
    kept = service.ended(service.ask("kept", user="ann", level="fast")["id"], "ann")
    job = service.ended(service.ask("unwanted", user="ann", level="fast")["id"], "ann")
    assert files(service, job["id"])
    answer = service.call("POST", job["urls"]["erase"], params={"user": "ann"})
    assert (answer.status_code, answer.json()["erased"]) == (200, True)
    assert files(service, job["id"]) == []
    assert httpx.get(job["output"][0]["url"]).status_code == 404
    assert service.call("GET", job["urls"]["get"], params={"user": "ann"}).status_code == 404
    assert service.call("POST", job["urls"]["erase"], params={"user": "ann"}).status_code == 404
    assert listed(service, "ann") == [kept["id"]]
    assert httpx.get(kept["output"][0]["url"]).status_code == 200


def test_nobody_erases_what_is_another_s(service: Service) -> None:
    """Somebody else's job is not there to be erased."""
    job = service.ended(service.ask("private", user="owner", level="fast")["id"], "owner")
    assert service.call("POST", job["urls"]["erase"], params={"user": "thief"}).status_code == 404
    assert service.call("DELETE", "/v1/me", params={"user": "thief"}).json()["erased"] == 0
    assert listed(service, "owner") == [job["id"]]
    assert files(service, job["id"])


def test_an_open_job_is_cancelled_and_erased(service: Service) -> None:
    """What is being painted is stopped first, and the worker goes on with the next one."""
    job = service.ask("long", user="bob", level="best", n=10)
    eventually(lambda: service.job(job["id"], "bob")["status"] == "processing", "not painting")
    assert service.call("POST", job["urls"]["erase"], params={"user": "bob"}).status_code == 200
    assert listed(service, "bob") == []
    after = service.ended(service.ask("after", user="bob", level="fast")["id"], "bob")
    assert after["status"] == "succeeded"
    assert listed(service, "bob") == [after["id"]]


def test_a_person_is_forgotten(service: Service) -> None:
    """Everything they asked for is gone, open or ended; nobody else's is; a restart changes nothing."""
    other = service.ended(service.ask("hers", user="eve", level="fast")["id"], "eve")
    ended = service.ended(service.ask("done", user="dan", level="fast")["id"], "dan")
    asked = [service.ask(f"waits {n}", user="dan", level="best", n=5)["id"] for n in range(3)]
    answer = service.call("DELETE", "/v1/me", params={"user": "dan"})
    assert (answer.status_code, answer.json()) == (200, {"object": "person", "erased": 4})
    assert listed(service, "dan") == []
    assert files(service, ended["id"]) == []
    assert all(
        service.call("GET", f"/v1/jobs/{job}", params={"user": "dan"}).status_code == 404 for job in asked
    )
    again = service.ended(service.ask("again", user="dan", level="fast")["id"], "dan")
    assert service.stop() == 0
    service.start()
    assert (listed(service, "dan"), listed(service, "eve")) == ([again["id"]], [other["id"]])
    assert files(service, other["id"])
