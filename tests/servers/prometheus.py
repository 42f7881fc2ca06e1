"""A real Prometheus with the product's own configuration, over processes at ports of this machine."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.servers.ports import free_port
from tests.servers.service import eventually

CONFIG = Path(__file__).parents[2] / "deploy" / "monitoring" / "prometheus" / "prometheus.yml"


class Prometheus:
    """Asks a server that runs."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the series of an answer."""
        answer = httpx.get(f"{self.address}/api/v1/{path}", params=parameters, timeout=30).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def now(self, query: str) -> list[dict[str, Any]]:
        """Return what a query gives now, without what is no number."""
        return [each for each in self.ask("query", query=query) if each["value"][1] != "NaN"]

    def ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.address}/-/ready").status_code == 200
        return False


@contextlib.contextmanager
def prometheus(folder: Path, ports: Mapping[str, list[int]], interval: str = "1s") -> Iterator[Prometheus]:
    """Run one that scrapes each job of the configuration at these ports."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "prometheus.yml").write_text(_config({**ports, "prometheus": [port]}, interval), "utf-8")
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
    try:
        server = Prometheus(port)
        eventually(server.ready, f"it does not start: {folder}/log")
        yield server
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def node_exporter() -> Iterator[int]:
    """Run the machine's exporter and yield its port."""
    port = free_port()
    command = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _config(ports: Mapping[str, list[int]], interval: str) -> str:
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    config["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    config["rule_files"] = [str(CONFIG.parent / each) for each in config["rule_files"]]
    del config["alerting"]
    config["scrape_configs"] = [
        {"job_name": job["job_name"], "static_configs": [{"targets": _targets(ports[job["job_name"]])}]}
        for job in config["scrape_configs"]
    ]
    return str(yaml.safe_dump(config))


def _targets(ports: list[int]) -> list[str]:
    return [f"127.0.0.1:{port}" for port in ports]
