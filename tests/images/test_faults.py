"""What an owner may get wrong: a container says it in one sentence, is unhealthy for it, and recovers when mended.

Where a container can not start it is run as `deploy/compose.yaml` runs it: started again whenever it ends.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.images.containers import EDGE, WORKER, Container, docker, volume
from tests.servers.kafka import faketime, kafka
from tests.servers.ports import free_port
from tests.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, seaweedfs
from tests.telegram import telegram

pytestmark = pytest.mark.timeout(400)
RESTART = "--restart=unless-stopped"
OWNER = "10001:10001"  # whom the images run as


def test_a_wrong_token_put_right() -> None:
    """A bot whose token Telegram does not know names the setting; with the right one it answers, as `up` does it."""
    with telegram() as api, volume() as data:
        settings = {"telegram_token": "1:wrong", "telegram_api_url": api.url, "language": "en"}
        options = (RESTART, f"--volume={data}:/data")
        with Container(EDGE, "bot", settings=settings, options=options) as bot:
            assert "PROMPT2PIC_TELEGRAM_TOKEN" in bot.wait_told("does not know this token")
        settings["telegram_token"] = api.token
        with Container(EDGE, "bot", settings=settings, options=options) as bot:
            bot.wait_healthy()
            anna = api.person()
            anna.says("/start")
            anna.private().wait_for(lambda seen: bool(seen), 30)


def test_kafka_that_comes_after_a_failed_start(tmp_path: Path) -> None:
    """A worker that finds no broker says where it looked; once there is one its next start works."""
    with kafka(tmp_path) as server:
        settings = {"log": f"kafka://{server.servers}", "painter": "stub:1", "language": "en"}
        with Container(EDGE, "topics", "--replication", "1", settings=settings) as topics:
            assert docker("wait", topics.name) == "0", topics.told()
        server.broker(1).stop()
        with Container(WORKER, "worker", settings=settings, options=(RESTART,)) as worker:
            assert settings["log"] in worker.wait_told("does not answer")
            server.broker(1).start()
            worker.wait_healthy()


def test_a_port_that_is_freed() -> None:
    """A page whose port another program has names the port and the setting; once it is free its next start works."""
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 - what the page itself does
        port = str(other.getsockname()[1])
        settings = {"port": port, "open_access": "true", "language": "en"}
        with Container(EDGE, "web", settings=settings, options=(RESTART,)) as web:
            assert "PROMPT2PIC_PORT" in web.wait_told(f"Port {port} is taken")
            other.close()
            web.wait_healthy()
            assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


def test_a_disk_that_gets_room() -> None:
    """A page on a full disk says how much is left, refuses no one for long, and is well when there is room again."""
    port = str(free_port())
    settings = {"port": port, "open_access": "true", "language": "en"}
    with (
        small_disk() as data,
        Container(EDGE, "web", settings=settings, options=(f"--volume={data}:/data",)) as web,
    ):
        web.wait_healthy()
        docker("exec", web.name, "dd", "if=/dev/zero", "of=/data/junk", "bs=1M", "count=40", "status=none")
        assert "disk: The disk of the data folder /data has" in web.wait_told("free some room")
        docker("exec", web.name, "rm", "/data/junk")
        web.wait_healthy()


def test_a_disk_that_is_full_at_the_start() -> None:
    """A page that finds no room for its log says so; its next start with room works."""
    settings = {"port": str(free_port()), "open_access": "true", "language": "en"}
    with small_disk() as data:
        # It may come short of the last block: then it has filled all others.
        as_owner(data, "dd if=/dev/zero of=/data/junk bs=64k status=none || true")
        options = (RESTART, f"--volume={data}:/data")
        with Container(EDGE, "web", settings=settings, options=options) as web:
            web.wait_told("No space left on device")
            as_owner(data, "rm /data/junk")
            web.wait_healthy()


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("/data/log.sqlite3", "give this user the right to write"), ("/data", "/data can not be used")],
)
def test_a_volume_of_another_owner(place: str, sentence: str) -> None:
    """A page that may not write its log, or its folder, names it; given the right its next start works."""
    settings = {"port": str(free_port()), "open_access": "true", "language": "en"}
    with volume() as data:
        options = (RESTART, f"--volume={data}:/data")
        with Container(EDGE, "web", settings=settings, options=options) as web:
            web.wait_healthy()
        as_owner(data, f"chown -R 0:0 {place}", user="0")
        with Container(EDGE, "web", settings=settings, options=options) as web:
            web.wait_told(sentence)
            as_owner(data, f"chown -R {OWNER} /data", user="0")
            web.wait_healthy()


@pytest.mark.skipif(faketime() is None, reason="no libfaketime here: apt-get install faketime")
def test_a_clock_that_is_set_right(tmp_path: Path) -> None:
    """Two hours ahead the store refuses what the page signs, and it says so; with the clock set it is well again."""
    clock = tmp_path / "clock"
    clock.write_text("+2h\n")
    tmp_path.chmod(0o755)
    fake = {
        "LD_PRELOAD": "/faketime.so",
        "FAKETIME_TIMESTAMP_FILE": "/clock/clock",
        "DONT_FAKE_MONOTONIC": "1",
    }
    given = [f"--env={name}={value}" for name, value in (fake | {"FAKETIME_NO_CACHE": "1"}).items()]
    mounts = [f"--volume={faketime()}:/faketime.so:ro", f"--volume={tmp_path}:/clock:ro"]
    (tmp_path / "s3").mkdir()
    with seaweedfs(tmp_path / "s3") as server:
        server.make_bucket("pictures")
        settings = {
            "port": str(free_port()),
            "open_access": "true",
            "language": "en",
            "store": "s3://pictures",
            "s3_endpoint": server.endpoint,
            "s3_access_key": ACCESS_KEY,
            "s3_secret_key": SECRET_KEY,
        }
        with Container(EDGE, "web", settings=settings, options=[*given, *mounts]) as web:
            web.wait_told("the clock of this machine is wrong")
            clock.write_text("+0\n")
            web.wait_healthy()


def as_owner(data: str, line: str, user: str = OWNER) -> None:
    """Run a line of shell over a volume."""
    docker(
        "run",
        "--rm",
        "--network=none",
        f"--user={user}",
        f"--volume={data}:/data",
        "--entrypoint=sh",
        EDGE,
        "-c",
        line,
    )


@contextmanager
def small_disk() -> Iterator[str]:
    """Lend a volume of 80 MB; it is there as long as a container holds it, so one does."""
    options = ("type=tmpfs", "device=tmpfs", "o=size=80m,uid=10001,gid=10001")
    with volume(*options) as data:
        keeper = docker(
            *(
                "run",
                "--detach",
                "--network=none",
                f"--volume={data}:/data",
                "--entrypoint=sleep",
                EDGE,
                "600",
            )
        )
        try:
            yield data
        finally:
            docker("rm", "--force", keeper)
