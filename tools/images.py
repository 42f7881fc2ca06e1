"""Builds the images, with a list of what is in each beside it in dist/; on a machine without a registry, too.

Where the official base can not be pulled, one is made of Debian's packages under the same name (as root, with
mmdebstrap). pip's own settings and certificates are handed to the build as secrets. `--others` makes the image of
the third-party programs that `deploy/compose.test.yaml` uses.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from uv_like_pip import settings

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "deploy" / "images"
NAMES = ("edge", "worker")
_BUILDKIT = {**os.environ, "DOCKER_BUILDKIT": "1"}
_JARS = "kafka-4.3.1"  # as tests/servers/kafka.py keeps them
_WITHOUT = ("man/*", "doc/*", "locale/*", "info/*")
# What brings perl into a merged /usr and is needed no more; the official image does not have it either.
_PERL = "usrmerge libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl perl perl-modules-5.36 libperl5.36"


def main(words: list[str]) -> int:
    """Build the named images, all by default; return the exit code."""
    docker = engine()
    if docker is None:
        print("skipped: no Docker engine whose client builds with secrets answers here")  # noqa: T201
        return 0
    if "--others" in words:
        others(docker)
        return 0
    base = base_image(docker)
    for name in [word for word in words if word in NAMES] or NAMES:
        build(docker, name, base, [word for word in words if "=" in word])
    return 0


def engine() -> str | None:
    """Return the client of an engine that answers; Debian's own where another lacks its plug-in for builds."""
    for client in ("docker", "/usr/bin/docker"):
        if shutil.which(client) and _run([client, "build", "--help"]).stdout.count("--secret"):
            return client if _run([client, "info"]).returncode == 0 else None
    return None


def base_image(docker: str) -> str:
    """Return the pinned base if it can be had, else its name without the digest, made here."""
    found = re.search(r"^ARG BASE=(\S+)$", (IMAGES / "edge.Dockerfile").read_text(), re.MULTILINE)
    assert found  # noqa: S101
    pinned = found[1]
    name = pinned.partition("@")[0]
    if _run([docker, "pull", "--quiet", pinned]).returncode == 0:
        return pinned
    if _run([docker, "image", "inspect", name]).returncode:
        purge = f'chroot "$1" dpkg --purge --force-depends {_PERL}'
        clean = 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/* "$1"/var/log/*'
        bootstrap(docker, name, "python3,python3-venv,ca-certificates", purge, clean)
    return name


def bootstrap(docker: str, name: str, packages: str, *hooks: str) -> None:
    """Make an image of Debian's packages; `hooks` are shell lines, `$1` is where it stands."""
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{each}" for each in _WITHOUT]
    # Java's own scripts write there.
    first = '--essential-hook=mkdir -p "$1"/usr/share/man/man1'
    with tempfile.TemporaryDirectory() as folder:
        tar = f"{folder}/base.tar"
        after = [f"--customize-hook={hook}" for hook in hooks]
        command = ["mmdebstrap", "--variant=minbase", f"--include={packages}", *excluded, first, *after]
        subprocess.run([*command, "bookworm", tar], check=True)
        subprocess.run([docker, "import", tar, name], check=True)


def build(docker: str, name: str, base: str, arguments: list[str]) -> None:
    """Build one image and write what is in it; `arguments` are NAME=value for the build."""
    revision = _run(["git", "-C", str(ROOT), "rev-parse", "HEAD"]).stdout.strip() or "unknown"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    given = [
        f"BASE={base}",
        f"REVISION={revision}",
        f"CREATED={created}",
        f"VERSION={_version()}",
        *arguments,
    ]
    tag = f"prompt2pic-{name}"
    with tempfile.TemporaryDirectory() as folder:
        command = [docker, "build", "--network=host", f"--file={IMAGES / name}.Dockerfile", f"--tag={tag}"]
        command += [f"--build-arg={argument}" for argument in given] + _secrets(Path(folder))
        subprocess.run([*command, str(ROOT)], check=True, env=_BUILDKIT)
    look = [docker, "run", "--rm", "--network=none", "--entrypoint=cat", tag, "/opt/prompt2pic/sbom.cdx.json"]
    (ROOT / "dist").mkdir(exist_ok=True)
    (ROOT / "dist" / f"{tag}.cdx.json").write_text(subprocess.check_output(look, text=True))


def _secrets(folder: Path) -> list[str]:
    """Return the options that hand pip's settings and certificates to a build, and to nothing else."""
    listed = subprocess.check_output([sys.executable, "-m", "pip", "config", "list"], text=True)
    found = settings(listed.splitlines())
    found.pop("find-links", None)  # a folder of this machine
    given = []
    if certificates := found.get("cert"):
        found["cert"] = "/run/secrets/certificates"
        given.append(f"--secret=id=certificates,src={certificates}")
    kept = [f"{key} = {value}" for key, value in found.items() if key != "disable-pip-version-check"]
    (folder / "pip.conf").write_text("\n".join(["[global]", *kept, ""]))
    return [f"--secret=id=pip,src={folder / 'pip.conf'}", *given]


def others(docker: str) -> None:
    """Make `prompt2pic-others`: Kafka from Maven, SeaweedFS from PyPI, Prometheus and its like from Debian."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prompt2pic" / _JARS
    weed = Path(sys.executable).with_name("weed")
    packages = "python3,ca-certificates,wget,openjdk-17-jre-headless,prometheus,prometheus-alertmanager"
    kafka = f'mkdir -p "$1"/opt/kafka/libs && cp {cache}/*.jar "$1"/opt/kafka/libs/'
    bootstrap(
        docker,
        "prompt2pic-others",
        f"{packages},prometheus-node-exporter",
        kafka,
        f'cp -L {weed} "$1"/usr/local/bin/weed',
    )


def _version() -> str:
    found = re.search(
        r'"(.+)"', (ROOT / "src/prompt2pic/__init__.py").read_text().partition("__version__")[2]
    )
    return found[1] if found else "0"


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, env=_BUILDKIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
