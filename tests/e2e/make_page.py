"""Makes docs/images/page*.png: the page with pictures of the built-in model, light and dark, wide and on a phone.

python -m tests.e2e.make_page, from the root of the repository; needs chromium and playwright.
"""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.pages import SUNSET, ask, see_picture
from tests.servers.service import Service
from training.sheet import in_few_colours

IMAGES = Path(__file__).parents[2] / "docs" / "images"
ASKED = (
    "Розовый слон",
    "Красная машина на жёлтом фоне",
    "Красный кот на синем фоне",
    "Горный пейзаж на рассвете",
    SUNSET,
)
WIDE = {"width": 1000, "height": 1158}
PHONE = {"width": 360, "height": 1080}


def main() -> None:
    """Ask for some pictures and take the screenshots."""
    with (
        tempfile.TemporaryDirectory() as name,
        Service(Path(name) / "data", painter="wuerstchen") as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        light = opened(browser, service, viewport=WIDE)
        for prompt in ASKED:
            see_picture(ask(light, prompt))
        shoot(light, "page")
        for scheme, options in (
            ("page-dark", {"viewport": WIDE}),
            ("page-dark-phone", {"viewport": PHONE, "device_scale_factor": 2}),
        ):
            dark = opened(browser, service, color_scheme="dark", **options)
            dark.context.add_cookies(light.context.cookies())
            dark.reload()
            see_picture(dark.locator(".card").first)
            shoot(dark, scheme)
        whole(light)
        browser.close()


def opened(browser: Browser, service: Service, **options: object) -> Page:
    """Return the page in a window of its own."""
    page = browser.new_context(locale="ru-RU", **options).new_page()
    page.goto(service.address)
    return page


def shoot(page: Page, name: str) -> None:
    """Keep what the window shows, with words in the box."""
    page.fill("#prompt", SUNSET)
    save(page.screenshot(), name)


def whole(page: Page) -> None:
    """Keep all of the page: one is painted, below it many pictures and variants."""
    page.set_viewport_size({"width": 1200, "height": 900})
    page.locator(".card").nth(3).get_by_role("button", name="Четыре варианта").click()
    see_picture(page.locator(".card").first, 4)
    for prompt in ("Горный пейзаж на рассвете", "Зелёное дерево"):
        ask(page, f"{prompt} --n 10")
    page.fill("#prompt", "")
    page.locator(".card progress:visible").first.wait_for()
    save(page.screenshot(full_page=True), "page-full")


def save(shot: bytes, name: str) -> None:
    """Keep a screenshot: small, as the history keeps each."""
    in_few_colours(Image.open(io.BytesIO(shot)).convert("RGB")).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
