"""The HTTP API, called as developers call it."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.servers.ports import free_port
from tests.servers.service import Service, eventually

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one worker and a painter of a third of a second."""
    with Service(tmp_path_factory.mktemp("api") / "data", painter="stub:0.3") as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    """The official client, told nothing but where we are."""
    with openai.OpenAI(base_url=f"{service.address}/v1", api_key="none", max_retries=0) as official:
        yield official


def test_the_openai_client_gets_pictures(client: openai.OpenAI) -> None:
    """The official client works unchanged: base64 by default, as many pictures as asked for, of the asked size."""
    answer = client.images.generate(
        model="gpt-image-1", prompt="красный кот", n=2, size="1024x1024", quality="low"
    )
    assert answer.data is not None
    pictures = [base64.b64decode(image.b64_json or "") for image in answer.data]
    assert [picture[:8] for picture in pictures] == [PNG, PNG]
    assert [picture[16:24] for picture in pictures] == [bytes([0, 0, 4, 0, 0, 0, 4, 0])] * 2
    assert all(image.url is None for image in answer.data)


def test_dall_e_gets_addresses(client: openai.OpenAI) -> None:
    """A `dall-e` model gets addresses and no base64, and the address holds the picture."""
    answer = client.images.generate(
        model="dall-e-3", prompt="закат", quality="hd", style="vivid", user="anna"
    )
    assert answer.data is not None
    assert answer.data[0].b64_json is None
    found = httpx.get(answer.data[0].url or "")
    assert (found.headers["content-type"], found.content[:8]) == ("image/png", PNG)


def test_the_format_asked_for_wins(client: openai.OpenAI) -> None:
    """`response_format` decides, whatever the model's name."""
    answer = client.images.generate(model="dall-e-2", prompt="x", response_format="b64_json")
    assert answer.data is not None
    assert (answer.data[0].url, (answer.data[0].b64_json or "")[:5]) == (None, "iVBOR")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   \n"}, "prompt"),
        ({"prompt": "a" * 1001}, "prompt"),
        ({"prompt": "x", "n": 11}, "n"),
        ({"prompt": "x", "n": 0}, "n"),
        ({"prompt": "x", "n": True}, "n"),
        ({"prompt": "x", "n": "2"}, "n"),
        ({"prompt": "x", "size": "10x10"}, "size"),
        ({"prompt": "x", "size": "huge"}, "size"),
        ({"prompt": "x", "quality": "superb"}, "quality"),
        ({"prompt": "x", "response_format": "gif"}, "response_format"),
        ({"prompt": "x", "stream": True}, "stream"),
        ({}, "prompt"),
        ({"prompt": 5}, "prompt"),
    ],
)
def test_wrong_fields_get_a_sentence(service: Service, fields: dict[str, Any], param: str) -> None:
    """What is wrong is named, in words, in the form OpenAI's clients read, and nothing is queued."""
    before = len(service.call("GET", "/v1/jobs").json()["data"])
    answer = service.call("POST", "/v1/images/generations", json=fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert " " in error["message"]
    assert len(service.call("GET", "/v1/jobs").json()["data"]) == before


def test_errors_speak_the_callers_language(service: Service) -> None:
    """A Russian browser reads Russian sentences."""
    answer = service.call(
        "POST", "/v1/jobs", json={"prompt": ""}, headers={"Accept-Language": "ru-RU,ru;q=0.9"}
    )
    assert any("а" <= letter <= "я" for letter in answer.json()["error"]["message"])


def test_no_json_gets_a_sentence(service: Service) -> None:
    """A body that is no JSON is refused in words."""
    answer = service.call("POST", "/v1/jobs", content=b"{oops", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "body-wrong")


def test_a_job_is_watched_to_its_end(service: Service) -> None:
    """Asking answers 202 with id and place; the job object goes from queued over processing to succeeded."""
    job = service.ask("Закат над океаном", size="640x480", n=2, seed=7, level="fast")
    assert job["status"] == "queued"
    assert job["queue_position"] == 1
    ended = service.ended(job["id"])
    assert ended["status"] == "succeeded"
    assert [picture["seed"] for picture in ended["output"]] == [7, 8]
    assert {(picture["width"], picture["height"]) for picture in ended["output"]} == {(640, 480)}
    assert (ended["level"], ended["lowered"], ended["metrics"]["attempts"]) == ("fast", False, 1)
    assert ended["created_at"] <= ended["started_at"] <= ended["completed_at"]


def events(service: Service, job: str, **headers: str) -> list[tuple[int, str, dict[str, Any]]]:
    """Return a job's server-sent events up to its end: id, name and data."""
    found = []
    with httpx.stream(
        "GET", f"{service.address}/v1/jobs/{job}/events", headers=headers, timeout=30
    ) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for block in "".join(stream.iter_text()).strip().split("\n\n"):
            if not block.startswith(":"):
                lines = dict(line.split(": ", 1) for line in block.split("\n"))
                found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


def test_events_tell_place_progress_and_end(service: Service) -> None:
    """The stream tells the place, then the progress, then the end, with growing numbers."""
    ahead = service.ask("ahead", level="best", n=2)
    job = service.ask("watched", level="best")
    told = events(service, job["id"])
    names = [name for _, name, _ in told]
    assert names[0] == "place"
    assert "progress" in names
    assert names[-1] == "end"
    assert [number for number, _, _ in told] == sorted(number for number, _, _ in told)
    assert told[-1][2]["output"]
    service.ended(ahead["id"])


def test_events_resume(service: Service) -> None:
    """Whoever comes back with the last id they have gets the end, and not what they know already."""
    job = service.ask("resumed", level="fast")
    told = events(service, job["id"])
    again = events(service, job["id"], **{"Last-Event-ID": str(told[0][0])})
    assert [name for _, name, _ in again] == ["end"]


def test_a_key_is_honoured(service: Service) -> None:
    """The same key and body give the same job; another body under it is 422; keys of two people do not meet."""
    key = {"Idempotency-Key": "one"}
    ask = {"prompt": "once", "level": "fast", "user": "eva"}
    first = service.call("POST", "/v1/jobs", json=ask, headers=key).json()
    assert service.call("POST", "/v1/jobs", json=ask, headers=key).json()["id"] == first["id"]
    other = service.call("POST", "/v1/jobs", json=ask | {"prompt": "twice"}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency-key-reused")
    adam = service.call("POST", "/v1/jobs", json=ask | {"user": "adam"}, headers=key).json()
    assert adam["id"] != first["id"]


def test_a_key_in_flight_is_409_and_then_replayed(service: Service) -> None:
    """A waiting call repeated while it is being answered gets 409, afterwards the same pictures."""
    ask = {"prompt": "slowly", "quality": "high", "n": 3, "response_format": "url", "seed": 1}
    headers = {"Idempotency-Key": "two"}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.call, "POST", "/v1/images/generations", json=ask, headers=headers)
        eventually(lambda: any(j["input"]["prompt"] == "slowly" for j in mine(service)), "not queued")
        assert service.call("POST", "/v1/images/generations", json=ask, headers=headers).status_code == 409
        addresses = [picture["url"].split("?")[0] for picture in first.result().json()["data"]]
    again = service.call("POST", "/v1/images/generations", json=ask, headers=headers).json()
    assert [picture["url"].split("?")[0] for picture in again["data"]] == addresses


def mine(service: Service) -> list[dict[str, Any]]:
    """Return the anonymous caller's jobs."""
    found: list[dict[str, Any]] = service.call("GET", "/v1/jobs").json()["data"]
    return found


def test_many_at_once_with_one_key_are_one_job(service: Service) -> None:
    """Ten simultaneous submissions under one key make one job."""
    with ThreadPoolExecutor(10) as pool:
        ask = {"json": {"prompt": "together", "level": "fast"}, "headers": {"Idempotency-Key": "three"}}
        answers = list(pool.map(lambda _: service.call("POST", "/v1/jobs", **ask).json()["id"], range(10)))
    assert len(set(answers)) == 1


def test_a_dropped_call_does_not_lose_the_picture(service: Service) -> None:
    """A waiting call whose client hangs up goes on; the picture is among the person's jobs."""
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{service.address}/v1/images/generations",
            json={"prompt": "dropped", "quality": "high", "user": "ghost"},
            timeout=0.1,
        )
    found = service.call("GET", "/v1/jobs", params={"user": "ghost"}).json()["data"]
    assert [job["input"]["prompt"] for job in found] == ["dropped"]
    assert service.ended(found[0]["id"], "ghost")["status"] == "succeeded"


def test_another_persons_job_is_not_there(service: Service) -> None:
    """Somebody else's job can not be seen, watched or cancelled."""
    job = service.ask("private", user="owner", level="fast")["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
        assert service.call(method, f"/v1/jobs/{job}{path}", params={"user": "thief"}).status_code == 404
    assert service.ended(job, "owner")["status"] == "succeeded"


def test_jobs_are_listed_page_by_page(service: Service) -> None:
    """The list is newest first and can be walked with `before`."""
    asked = [service.ask(f"page {n}", user="reader", level="fast")["id"] for n in range(3)]
    first = service.call("GET", "/v1/jobs", params={"user": "reader", "limit": 2}).json()
    rest = service.call("GET", "/v1/jobs", params={"user": "reader", "before": asked[1]}).json()
    assert ([job["id"] for job in first["data"]], first["has_more"]) == ([asked[2], asked[1]], True)
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([asked[0]], False)


def test_options_in_the_prompt(service: Service) -> None:
    """Options at the end of a prompt are read where that is asked for, and a wrong one is named."""
    job = service.ask("кот --ar 16:9 --seed 5 --n 2 --level fast", options_in_prompt=True)
    assert (job["input"]["prompt"], job["input"]["seed"], job["input"]["n"]) == ("кот", 5, 2)
    width, height = map(int, job["input"]["size"].split("x"))
    assert width / height == pytest.approx(16 / 9, rel=0.05)
    wrong = service.call("POST", "/v1/jobs", json={"prompt": "кот --seed x", "options_in_prompt": True})
    assert "--seed 42" in wrong.json()["error"]["message"]


def test_quotas_hold_against_simultaneous_requests(tmp_path: Path) -> None:
    """Of many simultaneous requests of one person only as many wait as may; the others hear when to come back."""
    with Service(tmp_path / "data", painter="stub:30", quota_waiting="2") as small:
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda n: small.call("POST", "/v1/jobs", json={"prompt": f"{n}"}), range(8))
            )
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 5 <= len(refused) <= 6  # one may have left the queue for the painter by then
        assert refused[0].json()["error"]["type"] == "rate_limit_error"
        assert int(refused[0].headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "host-unknown"),
        ({"Origin": "https://evil.example"}, "origin-foreign"),
        ({"Origin": "null"}, "origin-foreign"),
    ],
)
def test_other_sites_are_kept_out(service: Service, headers: dict[str, str], code: str) -> None:
    """A page of another site, and a name that was bent to this machine, can not make us paint."""
    answer = service.call("POST", "/v1/jobs", json={"prompt": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)


def test_keys_are_needed_where_they_are_set(tmp_path: Path) -> None:
    """With API keys nobody asks without one; a key's name is the person."""
    with Service(
        tmp_path / "data", painter="stub:0.1", api_keys="anna:key-of-anna,ivan:key-of-ivan"
    ) as locked:
        assert locked.call("POST", "/v1/jobs", json={"prompt": "x"}).status_code == 401
        assert locked.call("GET", "/").headers["WWW-Authenticate"].startswith("Basic")
        anna = {"Authorization": "Bearer key-of-anna"}
        job = locked.call("POST", "/v1/jobs", json={"prompt": "x"}, headers=anna).json()["id"]
        assert locked.call("GET", f"/v1/jobs/{job}", headers=anna).status_code == 200
        ivan = {"Authorization": "Basic " + base64.b64encode(b"any:key-of-ivan").decode()}
        assert locked.call("GET", f"/v1/jobs/{job}", headers=ivan).status_code == 404
        wrong = locked.call("GET", "/v1/jobs", headers={"Authorization": "Bearer nonsense"})
        assert wrong.json()["error"]["code"] == "key-wrong"


def test_links_expire_and_can_not_be_altered(service: Service) -> None:
    """A picture is shown only by the address that was given, whole."""
    job = service.ended(service.ask("linked", level="fast")["id"])
    address = job["output"][0]["url"]
    assert httpx.get(address).status_code == 200
    assert httpx.get(address[:-1] + ("0" if address[-1] != "0" else "1")).status_code == 404
    assert httpx.get(address.replace("/0.png", "/1.png")).status_code == 404
    assert httpx.get(address.replace("expires=", "expires=9")).status_code == 404


@pytest.mark.parametrize(
    "reached",
    [{"api_keys": "anna:key-of-anna"}, {"public_url": "https://example.org"}, {"open_access": "true"}],
)
def test_beyond_this_machine_metrics_are_for_operators_only(tmp_path: Path, reached: dict[str, str]) -> None:
    """A page that others reach has /metrics at the operators' port alone, where `run` serves the page's."""
    port = free_port()
    with Service(tmp_path / "data", painter="stub:0.1", metrics_port=str(port), **reached) as page:
        assert httpx.get(f"{page.address}/metrics").status_code == 404
        told = f"http://127.0.0.1:{port}/metrics"
        eventually(lambda: "prompt2pic_workers 1.0" in httpx.get(told).text, "it does not show the queue")
        assert "prompt2pic_http_requests_total" in httpx.get(told).text
        assert page.call("GET", "/healthz").status_code == 200


def test_operators_and_docs(service: Service) -> None:
    """Metrics, health, the OpenAPI document and its page are served, without a person or a prompt in them."""
    service.ended(service.ask("a secret wish", user="somebody", level="fast")["id"], "somebody")
    metrics = service.call("GET", "/metrics").text
    assert "prompt2pic_requests_total" in metrics
    assert "secret" not in metrics
    assert "somebody" not in metrics
    assert service.call("GET", "/healthz").status_code == 200
    assert "/v1/images/generations" in service.call("GET", "/openapi.json").json()["paths"]
    docs = service.call("GET", "/docs").text
    assert "http://" not in docs
    assert "https://" not in docs


def test_models_are_listed(client: openai.OpenAI, service: Service) -> None:
    """The model that paints is listed with its sizes and levels."""
    assert [model.id for model in client.models.list()] == ["stub:0.3"]
    assert service.call("GET", "/v1/models").json()["data"][0]["levels"] == ["fast", "balanced", "best"]


def test_prompts_are_kept_out_of_results_and_output(service: Service) -> None:
    """What people wrote stands in `requests` and in their pictures, never in results, logs or keys."""
    service.ended(service.ask("unutterable", level="fast")["id"])
    assert "unutterable" not in service.log.read_text()


def test_the_queue_is_shown_while_it_is_long(service: Service) -> None:
    """Places count up by turns: people alternate, and one's own jobs keep their order."""
    blocker = service.ask("blocker", user="z", level="best", n=10)["id"]
    eventually(lambda: service.job(blocker, "z")["status"] == "processing", "not painting")
    flood = [service.ask(f"{n}", user="flooder", level="fast")["id"] for n in range(4)]
    late = service.ask("late", user="guest", level="fast")["id"]
    places = [service.job(job, "flooder")["queue_position"] for job in flood]
    assert places == [1, 3, 4, 5]
    assert service.job(late, "guest")["queue_position"] == 2
    waiting = service.call("GET", "/v1/queue").json()["waiting"]
    assert waiting == 5
    for job in flood:
        service.ended(job, "flooder")
