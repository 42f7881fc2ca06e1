"""What a container's HEALTHCHECK runs: `python -m prompt2pic.ops.probe` says what is wrong and exits with 1.

It loads next to nothing, as it runs every few seconds.
"""

import http.client
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from prompt2pic.ops.linger import why_file

_PATIENCE = 5.0  # seconds
_FIRST = Path("/proc/1/cmdline")  # of a container: the process that is asked about


def wrong(words: Iterable[str], environment: Mapping[str, str]) -> str | None:
    """Return what is wrong with the process of this command line, None where nothing is."""
    if why_file().exists():
        return why_file().read_text("utf-8")
    port = _port(words, environment)
    return None if port is None else _told(port)


def _port(words: Iterable[str], environment: Mapping[str, str]) -> int | None:
    """Return the port at which a process tells of its health, None where it tells nobody."""
    role = next((word for word in words if word in {"web", "bot", "worker"}), None)
    if role is None:
        return None
    name, usual = "METRICS_PORT", "0"
    if role == "web":
        name, usual = "PORT", "8080"
    elif role == "bot" and environment.get("PROMPT2PIC_TELEGRAM_WEBHOOK"):
        name, usual = "BOT_PORT", "8081"
    return int(environment.get(f"PROMPT2PIC_{name}") or usual) or None


def _told(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            return None
        checks = json.loads(answer.read())["checks"]
        return "; ".join(f"{name}: {why}" for name, why in checks.items() if why)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return f"no word from port {port}: {error}"
    finally:
        connection.close()


if __name__ == "__main__":
    if problem := wrong(_FIRST.read_text("utf-8", "replace").split("\0"), os.environ):
        sys.exit(problem)
