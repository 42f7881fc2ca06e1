"""The page for people who use a screen reader, a keyboard, a phone, or no animations."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.pages import REFUSED, SUNSET, Visit, Watch, ask, expect, see_picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = "axe-core@4"  # Deque's checker of the WCAG's rules
SERIOUS = {"serious", "critical"}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, as npm has it."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("no npm here: apt-get install npm")
    packed = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, timeout=100, check=False)
    if packed.returncode:
        pytest.skip(f"npm can not get {AXE}: {packed.stderr.decode()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


def findings(page: "Page", axe: str) -> list[str]:
    """Return what axe finds to be serious, one line each."""
    page.wait_for_timeout(600)  # until what fades in has its own colours
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(results => results.violations)")
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def empty(page: "Page") -> None:
    """Show the page as a newcomer sees it, with the options unfolded."""
    page.locator("summary").click()
    expect(page.locator("#empty")).to_be_visible()


def painting(page: "Page") -> None:
    """Show one that is painted and one that waits."""
    ask(page, f"{SUNSET} --n 10")
    ask(page, SUNSET)
    expect(page.locator("progress").last).to_be_visible(timeout=20_000)


def done(page: "Page") -> None:
    """Show one picture, several of which one is chosen, and the question before deleting."""
    see_picture(ask(page, SUNSET))
    see_picture(ask(page, f"{SUNSET} --n 4 --level fast"), 4)


def asked_back(page: "Page") -> None:
    """Show the question before forgetting."""
    page.locator("#forget").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def wrong(page: "Page") -> None:
    """Show a field that was refused, and the banner of a server that is away."""
    page.locator("summary").click()
    page.fill("#seed", "x")
    page.fill("#prompt", SUNSET)
    page.press("#prompt", "Enter")
    expect(page.locator("#seed-error")).not_to_be_empty()
    page.evaluate("document.getElementById('away').hidden = false")
    page.evaluate("document.getElementById('away').textContent = 'Prompt2Pic does not answer.'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("show", [empty, painting, done, asked_back, wrong])
def test_axe_finds_nothing_serious(
    visit: Visit, watch: Watch, axe: str, show: Callable[["Page"], None], scheme: str
) -> None:
    """Names, roles, contrast and the like, in every state of the page, in light and in dark."""
    watch.expected = (REFUSED,)
    page = visit(color_scheme=scheme)
    show(page)
    assert findings(page, axe) == []


@pytest.mark.parametrize("locale", ["ru-RU", "en-GB"])
def test_a_phone_shows_all_of_it(visit: Visit, watch: Watch, locale: str) -> None:
    """On 360 pixels nothing lies beyond the edge in any state, and what is tapped is 40 pixels high."""
    watch.expected = (REFUSED,)
    page = visit(locale=locale, **PHONE)
    for show in (done, painting, wrong):
        show(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    heights = page.evaluate("[...document.querySelectorAll('button, .button')].map(b => b.offsetHeight)")
    assert min(height for height in heights if height) >= 40
    asked_back(page)
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (box["x"] >= 0, box["x"] + box["width"] <= 360) == (True, True)


def test_nothing_moves_for_those_who_asked_for_that(visit: Visit) -> None:
    """With reduced motion no element is animated, while it is painted and when it is done."""
    page = visit(reduced_motion="reduce")
    painting(page)
    assert page.evaluate("document.getAnimations().length") == 0
    see_picture(page.locator(".card").first)
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_keyboard_is_enough(visit: Visit) -> None:
    """Ask, choose, vary and delete without a pointer; a question has the focus, and gives it back."""
    page = visit()
    page.locator("#prompt").focus()
    page.keyboard.type(f"{SUNSET} --n 2 --level fast")
    page.keyboard.press("Enter")
    card = page.locator(".card")
    see_picture(card, 2)
    reach(page, "input[type=radio]:checked", within=".card")
    page.keyboard.press("ArrowRight")
    expect(card.get_by_label("2")).to_be_checked()
    reach(page, "[data-act=erase]", within=".card")
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog").get_by_role("button", name="Оставить")).to_be_focused()
    page.keyboard.press("Escape")
    erase = card.locator("[data-act=erase]")
    expect(erase).to_be_focused()
    expect(erase).to_have_attribute("aria-disabled", "false")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#empty")).to_be_visible()


def reach(page: "Page", selector: str, within: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches('{within} {selector}')"):
            return
    raise AssertionError(f"{selector} is not reached with the Tab key")


def test_what_happens_is_said(visit: Visit) -> None:
    """A screen reader hears when painting begins and when the picture is there, and not each percent between."""
    page = visit()
    page.evaluate(
        """window.said = [];
        new MutationObserver(() => said.push(document.getElementById("announcer").textContent))
            .observe(document.getElementById("announcer"), { childList: true })"""
    )
    see_picture(ask(page, f"{SUNSET} --n 4"), 4)
    expect(page.locator("#announcer")).to_contain_text("Картинка готова")
    assert page.evaluate("said") == [f"Рисую: {SUNSET}", f"Картинка готова: {SUNSET}"]
    picture = page.get_by_role("img", name=f"Картинка 1 из 4: {SUNSET}")
    expect(picture).to_be_visible()
