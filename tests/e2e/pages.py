"""What tests of the page share: who watches it, and what a person does with it."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Locator, LocatorAssertions, Page

SUNSET = "Закат над океаном"
PATIENCE = 20_000  # ms until a picture is there
REFUSED = "Failed to load resource: the server responded with a status of 4"  # Chromium tells of every 4xx
CUT_OFF = "net::ERR_"  # and of every request that found nobody

Visit = Callable[..., "Page"]


class Watch:
    """What went wrong on the pages of a test: errors of the console, requests to another origin."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.expected: tuple[str, ...] = ()

    def over(self, page: "Page", home: str) -> None:
        """Watch a page whose own origin is that of `home`."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda told: self.errors.append(told.text) if told.type == "error" else None)
        page.on("request", lambda sent: self._ask(sent.url, home))

    def _ask(self, url: str, home: str) -> None:
        if urlsplit(url)[:2] != urlsplit(home)[:2]:
            self.foreign.append(url)

    def check(self) -> None:
        """Fail where anything was wrong that the test did not provoke."""
        wrong = [error for error in self.errors if not any(part in error for part in self.expected)]
        assert not wrong, wrong
        assert not self.foreign, self.foreign


def expect(found: "Locator") -> "LocatorAssertions":
    """Return playwright's assertions, which wait; without it no test gets as far as this."""
    from playwright.sync_api import expect as expected

    return expected(found)


def ask(page: "Page", prompt: str) -> "Locator":
    """Type a prompt, press Enter and return its card, which is the first."""
    count = page.locator(".card").count()
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    expect(page.locator(".card")).to_have_count(count + 1)
    return page.locator(".card").first


def see_picture(card: "Locator", count: int = 1) -> None:
    """Wait until the card shows pictures, and see that they are pictures."""
    expect(card.locator("a img")).to_have_count(count, timeout=PATIENCE)
    for image in card.locator("a img").all():
        image.evaluate("image => image.decode()")
        assert image.evaluate("image => image.naturalWidth") > 0


def fact(card: "Locator", name: str) -> str:
    """Return a parameter from under the picture."""
    return card.locator(".facts div", has=card.page.locator("dt", has_text=name)).locator("dd").inner_text()
