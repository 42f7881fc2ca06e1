"""The service as its owner starts it, and a real browser to look at it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.pages import Visit, Watch
from tests.servers.service import Service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# For a closed network: nothing but the page itself is to be asked for.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that the tests of a module share; each browser context is another person to it."""
    with Service(tmp_path_factory.mktemp("page") / "data", painter="stub:0.5") as service:
        yield service
        stop(service)


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A service that one test may stop and start."""
    with Service(tmp_path / "data", painter="stub:0.5") as service:
        yield service
        stop(service)


def stop(service: Service) -> None:
    """Press Ctrl-C; the exit code must be 0 and no process may be left."""
    assert service.stop() == 0, service.log.read_text()[-2000:]
    assert service.processes() == {}


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, headless."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright here: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.check()


@pytest.fixture
def visit(browser: "Browser", service: Service, watch: Watch) -> Iterator[Visit]:
    """Open the page as a new person; every test ends with a look at the console and at the requests."""
    contexts = []

    def open_page(url: str = service.address, locale: str = "ru-RU", **options: Any) -> "Page":
        context = browser.new_context(locale=locale, **options)
        contexts.append(context)
        page = context.new_page()
        watch.over(page, url)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
