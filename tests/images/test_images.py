"""What an image is: small, without rights, healthy, and gone when told to."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.images.containers import EDGE, WORKER, Container, docker
from tests.servers.ports import free_port

pytestmark = pytest.mark.timeout(300)
MB = 1_000_000


@pytest.fixture(scope="module")
def page() -> Iterator[tuple[Container, str]]:
    """The page over a log and a folder of its own, and its address."""
    port = free_port()
    with Container(EDGE, "web", settings={"port": str(port), "open_access": "true"}) as container:
        yield container, f"http://127.0.0.1:{port}"


def test_the_edge_is_small_and_has_no_torch() -> None:
    """The edge unpacks to at most 250 MB; torch and the model are in the worker alone."""
    assert int(docker("image", "inspect", "--format={{.Size}}", EDGE)) <= 250 * MB
    names = {part["name"] for part in _parts(EDGE)}
    assert {"aiogram", "fastapi", "confluent-kafka", "prompt2pic"} <= names
    assert "torch" not in names
    assert "torch" in {part["name"] for part in _parts(WORKER)}


def _parts(image: str) -> list[dict[str, str]]:
    """Return the components that the image's own list names."""
    told = docker("run", "--rm", "--network=none", "--entrypoint=cat", image, "/opt/prompt2pic/sbom.cdx.json")
    listed = json.loads(told)
    return [listed["metadata"].get("component", {"name": ""}), *listed["components"]]


@pytest.mark.parametrize("image", [EDGE, WORKER])
def test_nothing_private_is_inside(image: str) -> None:
    """No history, settings, pip's configuration or tests came along; the user is a number, not root."""
    config = json.loads(docker("image", "inspect", "--format={{json .Config}}", image))
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    look = "find / -xdev ( -name .env -o -name .git -o -name pip.conf -o -name test_images.py ) -print"
    assert not docker(
        "run", "--rm", "--network=none", "--user=0", "--entrypoint=find", image, *look.split()[1:]
    )


def test_the_page_runs_with_no_rights_and_is_healthy(page: tuple[Container, str]) -> None:
    """With a root file system that nobody can write, as user 10001, the page answers and is healthy."""
    container, address = page
    container.wait_healthy()
    assert httpx.get(f"{address}/readyz").status_code == 200
    assert docker("exec", container.name, "id", "-u") == "10001"
    with pytest.raises(AssertionError, match="Read-only file system"):
        docker("exec", container.name, "touch", "/opt/prompt2pic/x")


def test_told_to_stop_it_leaves_in_its_grace_period(page: tuple[Container, str]) -> None:
    """`docker stop` ends the page by itself, with code 0, long before it would be killed."""
    container, _ = page
    started = time.monotonic()
    docker("stop", "--time=30", container.name)
    assert container.state["ExitCode"] == 0
    assert time.monotonic() - started < 30


def test_only_what_is_needed_reaches_the_build() -> None:
    """The build's context lets sources and the list of parts in, and nothing that it does not name."""
    lines = (Path(__file__).parents[2] / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {line for line in rules if line.startswith("!")} == {
        "!LICENSE", "!README.md", "!constraints.txt", "!pyproject.toml", "!src",
    }  # fmt: skip
