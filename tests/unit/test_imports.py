"""The core imports the standard library, msgspec and itself, whatever else is installed."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "src" / "prompt2pic" / "core"
ALLOWED = {*sys.stdlib_module_names, "msgspec"}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_the_core_knows_no_other_package(path: Path) -> None:
    """No module of the core imports anything that does I/O for it, also not inside a function."""
    strangers = {
        name
        for name in _imported(path)
        if name.partition(".")[0] not in ALLOWED and not name.startswith("prompt2pic.core")
    }
    assert strangers == set()
