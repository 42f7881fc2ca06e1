"""Runs uv, which installs three times as fast as pip, with the settings that pip has.

uv reads neither pip's configuration nor its variables, so a registry, a folder of wheels (perhaps with a CPU
build of torch) or a certificate that an owner told pip of would be missed.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# pip's settings as uv's variables; several values are divided by this.
VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
}
SECTIONS = ("global", "install", ":env:")  # the later wins


def settings(lines: Iterable[str]) -> dict[str, str]:
    """Return pip's settings from what `pip config list` prints."""
    found: dict[tuple[str, str], str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        found[section, key] = str(ast.literal_eval(value))
    return {key: value for wanted in SECTIONS for (section, key), value in found.items() if section == wanted}


def variables(found: dict[str, str]) -> dict[str, str]:
    """Return uv's variables for pip's settings."""
    ours = {VARIABLES[key]: value.split() for key, value in found.items() if key in VARIABLES}
    # As pip does, take the best version of all places: a CPU build counts as newer than the plain one.
    fixed = {"UV_INDEX_STRATEGY": "unsafe-best-match", "VIRTUAL_ENV": sys.prefix}
    return fixed | {name: between.join(values) for (name, between), values in ours.items()}


def main() -> None:
    """Become uv, with the arguments given."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    uv = str(Path(sys.executable).with_name("uv"))
    os.execve(uv, [uv, *sys.argv[1:]], os.environ | variables(settings(listed.stdout.splitlines())))


if __name__ == "__main__":
    main()
