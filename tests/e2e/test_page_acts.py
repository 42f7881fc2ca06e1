"""What a person does with a picture that they have: variations, choosing, deleting, being forgotten."""

from typing import TYPE_CHECKING

import pytest

from tests.e2e.pages import CUT_OFF, PATIENCE, REFUSED, SUNSET, Visit, Watch, ask, expect, fact, see_picture
from tests.servers.service import Service

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route


def press(card: "Locator", name: str) -> None:
    """Press a button of a card."""
    card.get_by_role("button", name=name, exact=True).click()


def newest(page: "Page", count: int) -> "Locator":
    """Return the first card once there are so many."""
    expect(page.locator(".card")).to_have_count(count)
    return page.locator(".card").first


def test_four_variations(visit: Visit) -> None:
    """They have the picture's seed and say how far they are from it; bolder ones are twice as far."""
    page = visit()
    see_picture(ask(page, f"{SUNSET} --seed 7"))
    press(page.locator(".card"), "Четыре варианта")
    variations = newest(page, 2)
    see_picture(variations, 4)
    assert [fact(variations, name) for name in ("зерно", "отличие")] == ["7", "20\u00a0%"]
    press(variations, "Четыре варианта смелее")
    bolder = newest(page, 3)
    see_picture(bolder, 4)
    assert [fact(bolder, name) for name in ("зерно", "отличие")] == ["7", "40\u00a0%"]


def test_variations_at_best_quality(visit: Visit) -> None:
    """The same four are painted again at the best level."""
    page = visit()
    see_picture(ask(page, f"{SUNSET} --seed 7 --level fast"))
    press(page.locator(".card"), "Четыре варианта")
    variations = newest(page, 2)
    see_picture(variations, 4)
    press(variations, "Лучшее качество")
    best = newest(page, 3)
    see_picture(best, 4)
    assert [fact(best, name) for name in ("зерно", "отличие", "качество")] == ["7", "20\u00a0%", "лучшее"]


def test_one_of_several_is_chosen(visit: Visit) -> None:
    """Of several pictures the buttons mean the one that was chosen."""
    page = visit()
    card = ask(page, f"{SUNSET} --seed 7 --n 3 --level fast")
    see_picture(card, 3)
    download = card.get_by_role("link", name="Скачать")
    expect(download).to_have_attribute("download", "prompt2pic-7.png")
    card.get_by_label("3").check()
    expect(download).to_have_attribute("download", "prompt2pic-9-3.png")
    assert card.locator(".is-chosen").get_attribute("href") == download.get_attribute("href")
    press(card, "Лучшее качество")
    best = newest(page, 2)
    see_picture(best)
    assert (fact(best, "зерно"), fact(best, "качество")) == ("9", "лучшее")


def test_download(visit: Visit) -> None:
    """Download saves the file under a name that tells its seed."""
    page = visit()
    card = ask(page, f"{SUNSET} --seed 7")
    see_picture(card)
    with page.expect_download() as download:
        card.get_by_role("link", name="Скачать").click()
    assert download.value.suggested_filename == "prompt2pic-7.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_delete_asks_back(visit: Visit, service: Service) -> None:
    """No leaves everything as it is, by Escape too; yes takes card, picture and job away, in every tab."""
    page = visit()
    card = ask(page, SUNSET)
    see_picture(card)
    other = page.context.new_page()
    other.goto(service.address)
    expect(other.locator(".card")).to_have_count(1)
    address = card.locator("a img").get_attribute("src")
    for no in ("Escape", "Enter"):
        press(card, "Удалить")
        expect(page.get_by_role("dialog")).to_contain_text("навсегда")
        page.keyboard.press(no)
        expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".card")).to_have_count(1)
    press(card, "Удалить")
    page.get_by_role("dialog").get_by_role("button", name="Удалить").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#gallery-title")).to_be_focused()
    expect(other.locator(".card")).to_have_count(0)
    assert page.request.get(f"{service.address}{address}").status == 404
    page.reload()
    expect(page.locator("#empty")).to_be_visible()


def test_forget_me(visit: Visit, watch: Watch) -> None:
    """Everything is gone, waiting and painted, and the page says what is kept; painting anew works."""
    watch.expected = (REFUSED,)  # the next job's stream may be opened just when that job is forgotten
    page = visit()
    see_picture(ask(page, SUNSET))
    ask(page, "Рыжий кот --n 10")
    ask(page, "Снежная гора")
    page.get_by_role("button", name="Забыть меня").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("до двух месяцев")
    dialog.get_by_role("button", name="Забыть меня").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#announcer")).to_have_text("Всё о вас забыто")
    page.reload()
    expect(page.locator("#empty")).to_be_visible()
    see_picture(ask(page, "Рыжий кот"))


def test_a_failed_delete_is_told(visit: Visit, watch: Watch) -> None:
    """Without a connection the card stays and says that it could not be done."""
    watch.expected = (CUT_OFF,)
    page = visit()
    card = ask(page, SUNSET)
    see_picture(card)
    page.route("**/erase", lambda route: route.abort("connectionreset"))
    press(card, "Удалить")
    page.get_by_role("dialog").get_by_role("button", name="Удалить").click()
    expect(card.get_by_role("alert")).to_contain_text("не отвечает")
    expect(page.locator(".card")).to_have_count(1)


def test_a_picture_that_is_not_kept_any_more(visit: Visit, watch: Watch, service: Service) -> None:
    """An expired picture says so kindly, and offers no download of nothing."""
    watch.expected = (REFUSED,)
    page = visit()
    see_picture(ask(page, f"{SUNSET} --seed 7"))
    for path in (service.data / "pictures").rglob("*.png"):
        path.unlink()
    page.route("**/pictures/**", lambda route: route.continue_(headers={"cache-control": "no-cache"}))
    page.reload()
    card = page.locator(".card")
    expect(card.locator(".gone")).to_contain_text("больше не хранится", timeout=PATIENCE)
    expect(card.get_by_role("link", name="Скачать")).to_be_hidden()


def test_two_tabs(visit: Visit, service: Service) -> None:
    """What is asked for in one tab is seen in the other one, to its end."""
    page = visit()
    other = page.context.new_page()
    other.goto(service.address)
    expect(other.locator("#empty")).to_be_visible()
    ask(page, SUNSET)
    card = other.locator(".card")
    expect(card).to_have_count(1, timeout=3_000)
    see_picture(card)
    see_picture(page.locator(".card"))


@pytest.mark.parametrize("seconds", [2])
def test_slow_network(visit: Visit, seconds: float) -> None:
    """With seconds to each answer the page says that it sends, takes no second press, and gets there."""
    page = visit()
    sent = []

    def late(route: "Route") -> None:
        sent.append(route.request.method)
        page.wait_for_timeout(seconds * 1000)
        route.continue_()

    page.route("**/v1/jobs", late)
    page.fill("#prompt", SUNSET)
    button = page.locator("#paint")
    button.click()
    expect(button).to_have_text("Отправляю…")
    button.click(force=True)
    see_picture(page.locator(".card"))
    assert sent.count("POST") == 1


def test_a_preview_behind_the_bar(visit: Visit) -> None:
    """While it is painted a blurred preview shows what it becomes, and the picture takes its place."""
    page = visit()
    card = ask(page, f"{SUNSET} --n 10 --level best")
    preview = card.locator(".preview")
    expect(preview).to_be_visible(timeout=PATIENCE)
    preview.evaluate("image => image.decode()")
    assert preview.get_attribute("src").startswith("data:image/jpeg;base64,")
    page.reload()
    expect(preview).to_be_visible()
    see_picture(card, 10)
    expect(preview).to_have_count(0)
