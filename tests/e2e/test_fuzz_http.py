"""Whatever is sent to a running service, it answers in the form of its document, and never with a 5xx."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from prompt2pic.core.ports import Place
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.wiring import TOPICS
from tests.servers.service import Service, eventually
from tests.unit.fuzz import GOOD, records, values

ASK = {
    "prompt": "кот",
    "negative_prompt": "x",
    "model": "m",
    "size": "128x128",
    "n": 1,
    "seed": 5,
    "level": "fast",
    "quality": "low",
    "variation_strength": 0.5,
    "response_format": "url",
    "options_in_prompt": True,
    "stream": False,
    "user": "u",
}
POSTS = ("/v1/jobs", "/v1/jobs", "/v1/images/generations", "/v1/images/generations", "/v1/jobs/none/erase")

texts = st.sampled_from(["", "huge", "10x10", "1024x1024", "\ud800", "--seed x", "auto", "a" * 1001, "\0"])
fields = st.dictionaries(st.sampled_from(sorted(ASK)), values | texts | st.floats(), max_size=4)
bent = st.dictionaries(st.sampled_from(sorted(ASK)), values | texts | st.floats(), max_size=1)
bodies = st.one_of(
    bent.map(lambda wrong: json.dumps(ASK | wrong).encode()),
    bent.map(lambda wrong: json.dumps(ASK | wrong).encode()),
    fields.map(lambda wrong: json.dumps(wrong).encode()),
    values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            ["application/json", "text/plain", "x", "application/json; charset=x"]
        ),
        "Idempotency-Key": st.sampled_from(["", "k", "k" * 256, "ключ"]),
        "Accept-Language": st.sampled_from(["ru", "", "x" * 99, ",;"]),
        "Authorization": st.sampled_from(["Basic x", "Bearer", "Basic gA=="]),
        "Cookie": st.sampled_from(["prompt2pic=x", "prompt2pic=x.y", "="]),
        "Last-Event-ID": st.sampled_from(["²", "-1", "9" * 5000]),
    },
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that paints in no time and lets anybody ask for a lot."""
    with Service(
        tmp_path_factory.mktemp("fuzz") / "data",
        painter="stub:0.01",
        quota_waiting="100000",
        quota_day="1000000",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    """One connection for all calls."""
    with httpx.Client(base_url=service.address, timeout=60) as client:
        yield client


def assert_well_answered(answer: httpx.Response) -> None:
    """Assert that a call got what it asked for, or was told what is wrong with it."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert " " in error["message"]


@settings(
    max_examples=250,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(POSTS), bodies, headers)
def test_any_body_is_answered(client: httpx.Client, path: str, body: bytes, headers: dict[str, str]) -> None:
    """Random JSON, bent requests and bytes to every POST: pictures or a sentence, never an error of ours."""
    sent = {"Content-Type": "application/json"} | headers
    assert_well_answered(
        client.post(path, content=body, headers={name: value.encode() for name, value in sent.items()})
    )


def test_the_openapi_document_is_kept(service: Service, tmp_path: Path) -> None:
    """Schemathesis finds no answer that the document does not foresee, over all operations and chains of them.

    Two of its checks are not for us: a prompt of blanks fits the document and is refused, with a better sentence
    than a schema has; and what was deleted is still there to be seen, as cancelled. The same seed each time, so
    that a failure is the change's own; FUZZ_SEED tries another.
    """
    pytest.importorskip("schemathesis", reason="no schemathesis here: pip install schemathesis")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.address}/openapi.json"]
    bounds = [
        "--max-examples=15",
        "--max-time=30",
        f"--seed={os.environ.get('FUZZ_SEED', '1')}",
        "--exclude-checks=positive_data_acceptance,use_after_free",
    ]
    done = subprocess.run(
        [*command, *bounds, "--no-color", "--warnings=off"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


litter = {topic: st.lists(records(topic), max_size=60) for topic in GOOD}


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.fixed_dictionaries(litter))
def test_litter_in_the_log_stops_nobody(service: Service, thrown: dict[str, list[bytes]]) -> None:
    """Any bytes in the log's topics: page and worker go on, what can not be read is counted."""
    with closing(SqliteLog(service.data / "log.sqlite3", TOPICS)) as log:
        for topic, values in thrown.items():
            for value in values:
                if b'"version"' not in value:  # that one is to stop them
                    log.append(Place(topic, 0), "litter", value)
    job = service.ask("amid litter", user="tidy", level="fast")["id"]
    assert service.ended(job, "tidy")["status"] == "succeeded"
    for person in ("ann", "tidy"):
        page = service.call("GET", "/v1/jobs", params={"user": person, "limit": 100})
        assert page.status_code == 200, page.text
    assert service.call("GET", "/v1/queue").status_code == 200


def metric(service: Service, name: str) -> float:
    """Return a metric of the page's process."""
    lines: list[str] = service.call("GET", "/metrics").text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


def test_what_can_not_be_read_is_counted(service: Service) -> None:
    """Three records that nobody can read are three more in the metric."""
    before = metric(service, "prompt2pic_records_undecodable")
    with closing(SqliteLog(service.data / "log.sqlite3", TOPICS)) as log:
        for topic in GOOD:
            log.append(Place(topic, 0), "litter", b"\xff")
    eventually(lambda: metric(service, "prompt2pic_records_undecodable") == before + 3, "not counted")
