"""These tests run where `IMAGES=1` asks for them and an engine has the images."""

import os

import pytest

from tests.images.containers import missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what can not be tried here, with the reason."""
    why = missing() if os.environ.get("IMAGES") else "`make test-images` runs the images' tests"
    for item in items:
        if "tests/images/" in item.nodeid and why:
            item.add_marker(pytest.mark.skip(reason=why))
