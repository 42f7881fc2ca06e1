"""Docs point at what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and every picture of a page is a file."""
    targets = re.findall(r"\]\(([^)#\s]+)|src=\"([^\"]+)\"", page.read_text("utf-8"))
    local = [target for found in targets for target in found if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_architecture_names_modules_that_exist() -> None:
    """A file named on the page is a file of the sources, or of the repository."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = re.findall(r"`([\w/]+\.(?:py|toml))`", text)
    assert [
        name
        for name in named
        if not ((ROOT / "src" / "prompt2pic" / name).exists() or (ROOT / name).exists())
    ] == []


def test_every_decision_is_listed() -> None:
    """The index of decisions names each record."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    records = (ROOT / "docs" / "decisions").glob("0*.md")
    assert [record.name for record in records if record.name not in index] == []
