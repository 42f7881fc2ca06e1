"""uv is told what pip was told."""

import sys

from tools.uv_like_pip import settings, variables


def test_the_nearer_setting_wins() -> None:
    """A variable beats a section for installing, and that the general one."""
    listed = ["global.cert='/a'", ":env:.cert='/c'", "install.cert='/b'", "global.timeout='9'"]
    assert settings(listed) == {"cert": "/c", "timeout": "9"}


def test_places_of_packages_are_passed_on() -> None:
    """Registries and folders of wheels get uv's names, several of them uv's way."""
    told = variables({"extra-index-url": "https://a https://b", "find-links": "/x\n/y", "timeout": "9"})
    assert told["UV_INDEX"] == "https://a https://b"
    assert told["UV_FIND_LINKS"] == "/x,/y"
    assert told["VIRTUAL_ENV"] == sys.prefix
    assert "UV_DEFAULT_INDEX" not in told
