"""Containers of the two images, run with as few rights as `deploy/compose.yaml` gives them."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.servers.ports import free_port
from tests.servers.service import eventually

EDGE, WORKER = "prompt2pic-edge", "prompt2pic-worker"
_SAFE = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp:mode=1777")


def docker(*words: str) -> str:
    """Return what a command of the engine prints. Raises AssertionError with its error."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def volume(*options: str) -> Iterator[str]:
    """Lend a volume; `options` are those of the engine's local driver."""
    name = docker("volume", "create", *(f"--opt={option}" for option in options))
    try:
        yield name
    finally:
        docker("volume", "rm", "--force", name)


def missing() -> str:
    """Return why nothing can be tried here, nothing where it can."""
    try:
        for image in (EDGE, WORKER):
            docker("image", "inspect", image)
    except (OSError, AssertionError) as error:
        return f"no Docker engine with both images here, see `make images`: {error}".strip()
    return ""


class Container:
    """One container in this machine's network; `options` are the engine's."""

    def __init__(
        self, image: str, *command: str, settings: Mapping[str, str], options: Sequence[str] = ()
    ) -> None:
        self.name = f"prompt2pic-test-{command[0]}-{secrets.token_hex(3)}"
        settings = {"metrics_port": str(free_port()), **settings}
        given = [f"--env=PROMPT2PIC_{name.upper()}={value}" for name, value in settings.items()]
        docker(
            *("run", "--detach", "--network=host", f"--name={self.name}"),
            *_SAFE,
            *given,
            *options,
            image,
            *command,
        )

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.name)

    @property
    def state(self) -> dict[str, Any]:
        """Return what the engine knows of it."""
        found: dict[str, Any] = json.loads(docker("inspect", "--format={{json .State}}", self.name))
        return found

    @property
    def health(self) -> tuple[str, str]:
        """Return healthy, unhealthy or starting, and what the last look said."""
        health = self.state["Health"]
        return health["Status"], health["Log"][-1]["Output"].strip() if health["Log"] else ""

    def wait_healthy(self) -> None:
        """Return once its health check is content."""
        self._wait(lambda: self.health[0] == "healthy")

    def wait_told(self, part: str) -> str:
        """Return what the unhealthy container's health check says, once `part` is in it."""
        self._wait(lambda: self.health[0] == "unhealthy" and part in self.health[1])
        return self.health[1]

    def _wait(self, true: Callable[[], bool]) -> None:
        try:
            eventually(true, self.name, 120)
        except AssertionError as error:
            error.add_note(f"{self.health}\n{self.told()}")
            raise

    def told(self) -> str:
        """Return all that it printed."""
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr
