"""The page in a real browser, in front of a real server, log, store and worker."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import stop
from tests.e2e.pages import CUT_OFF, PATIENCE, REFUSED, SUNSET, Visit, Watch, ask, expect, fact, see_picture
from tests.servers.service import Service

if TYPE_CHECKING:
    from playwright.sync_api import Route

BUDGET = 50 * 1024  # bytes of the whole page without pictures


def test_words_become_a_picture(visit: Visit) -> None:
    """A person types a prompt, sees its place or bar, then the picture with all its parameters."""
    page = visit()
    card = ask(page, SUNSET)
    expect(card.locator(".status")).to_have_text(re.compile("очереди|Готовлю|Рисую"))
    see_picture(card)
    expect(card.locator(".prompt")).to_have_text(SUNSET)
    assert int(fact(card, "зерно")) >= 0
    assert fact(card, "размер") == "512×512"
    assert fact(card, "качество") in ("быстрое", "среднее", "лучшее")
    assert re.fullmatch(r"[\d,]+\sс", fact(card, "рисование"))
    assert re.fullmatch(r"[\d,]+\sс", fact(card, "ожидание"))


def test_the_bar_moves_and_the_next_one_waits(visit: Visit) -> None:
    """While one request is painted its bar moves; the request behind it shows its place instead."""
    page = visit()
    ask(page, "Рыжий кот --n 10")
    behind = ask(page, "Снежная гора")
    first = page.locator(".card").nth(1)
    expect(first.locator("progress[value]")).to_be_visible(timeout=PATIENCE)
    expect(first.locator(".status")).to_contain_text("%")
    expect(behind.locator(".status")).to_contain_text("Следующая в очереди")
    expect(behind.locator("progress")).to_be_hidden()
    expect(page.locator("#queue")).to_have_text("Ждут: 1 · рисуется: 1")
    see_picture(first, 10)
    see_picture(behind)


def test_reload_in_the_middle(visit: Visit) -> None:
    """Whoever reloads while it is painted goes on seeing it, and the gallery stays after another reload."""
    page = visit()
    ask(page, f"{SUNSET} --n 4")
    page.reload()
    card = page.locator(".card")
    expect(card).to_have_count(1)
    see_picture(card, 4)
    page.reload()
    expect(card).to_have_count(1)
    see_picture(card, 4)


def test_cancel(visit: Visit) -> None:
    """Cancel stops a request that is painted or waits; the card says so and offers to paint it again."""
    page = visit()
    ask(page, "Рыжий кот --n 10")
    waiting = ask(page, "Снежная гора")
    waiting.get_by_role("button", name="Отменить").click()
    expect(waiting.locator(".status")).to_have_text("Отменено")
    painting = page.locator(".card").nth(1)
    painting.get_by_role("button", name="Отменить").click()
    expect(painting.locator(".status")).to_have_text("Отменено")
    waiting.get_by_role("button", name="Ещё раз").click()
    see_picture(page.locator(".card").first)


def test_again(visit: Visit) -> None:
    """Again paints the same words with another seed, in a card of its own."""
    page = visit()
    see_picture(ask(page, f"{SUNSET} --size 128x128 --no дом"))
    page.get_by_role("button", name="Ещё раз").click()
    expect(page.locator(".card")).to_have_count(2)
    again, before = page.locator(".card").all()
    see_picture(again)
    expect(again.locator(".prompt")).to_have_text(SUNSET)
    assert [fact(card, "размер") for card in (again, before)] == ["128×128"] * 2
    assert [fact(card, "без") for card in (again, before)] == ["дом"] * 2
    assert fact(again, "зерно") != fact(before, "зерно")


def test_best_quality(visit: Visit) -> None:
    """Best quality paints the same seed at the best level."""
    page = visit()
    see_picture(ask(page, f"{SUNSET} --seed 7 --level fast"))
    page.get_by_role("button", name="Лучшее качество").click()
    expect(page.locator(".card")).to_have_count(2)
    best = page.locator(".card").first
    see_picture(best)
    assert (fact(best, "зерно"), fact(best, "качество")) == ("7", "лучшее")


def test_options_of_the_form(visit: Visit) -> None:
    """What is chosen under Options is what is painted, and the fold tells of it."""
    page = visit()
    page.get_by_text("Параметры").click()
    page.get_by_label("Быстрое").check()
    page.select_option("#size", "768x512")
    page.fill("#n", "2")
    page.fill("#negative_prompt", "дом")
    page.fill("#seed", "42")
    expect(page.locator("#chosen")).to_have_text("быстрое · 768×512 · × 2 · − дом · зерно 42")
    card = ask(page, SUNSET)
    see_picture(card, 2)
    told = [fact(card, name) for name in ("качество", "размер", "без", "зерно")]
    assert told == ["быстрое", "768×512", "дом", "42–43"]


def test_examples_fill_the_box(visit: Visit) -> None:
    """An example that is tapped is in the box, ready to be changed or sent."""
    page = visit()
    page.get_by_role("button", name="Рыжий кот").click()
    expect(page.locator("#prompt")).to_have_value("Рыжий кот")
    expect(page.locator("#prompt")).to_be_focused()


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"#prompt": "  "}, "prompt"),
        ({"#prompt": "x" * 1001}, "prompt"),
        ({"#prompt": "кот --ar 9"}, "prompt"),
        ({"#prompt": "кот", "#seed": "много"}, "seed"),
        ({"#prompt": "кот", "#n": "11"}, "n"),
    ],
)
def test_refusals(visit: Visit, watch: Watch, fields: dict[str, str], at_fault: str) -> None:
    """What can not be painted gets a Russian sentence beside the field at fault, which has the focus."""
    watch.expected = (REFUSED,)
    page = visit()
    page.get_by_text("Параметры").click()
    for selector, text in fields.items():
        page.fill(selector, text)
    page.get_by_role("button", name="Нарисовать").click()
    field = page.locator(f"#{at_fault}")
    expect(page.locator(f"#{at_fault}-error")).to_have_text(re.compile("[а-я].*[.]$"))
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".card")).to_have_count(0)


def test_keyboard_alone(visit: Visit) -> None:
    """Everything is reached with the Tab key, and the focus stays in the card when the picture comes."""
    page = visit()
    page.locator(".brand").focus()
    page.keyboard.press("Tab")
    page.keyboard.type(f"{SUNSET} --n 4")
    page.keyboard.press("Enter")
    cancel = page.get_by_role("button", name="Отменить")
    expect(cancel).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if cancel.evaluate("button => button === document.activeElement"):
            break
    card = page.locator(".card")
    see_picture(card, 4)
    expect(card.locator(":focus")).to_have_count(1)


def test_everybody_sees_their_own(visit: Visit) -> None:
    """Another browser is another person: it sees nothing of the first one's pictures."""
    mine = visit()
    see_picture(ask(mine, SUNSET))
    other = visit()
    expect(other.locator("#empty")).to_be_visible()
    expect(other.locator(".card")).to_have_count(0)


def test_older_pictures(visit: Visit, service: Service) -> None:
    """The gallery shows the last twenty, and the ones before them when it is asked to."""
    page = visit()
    for number in range(21):
        job = page.request.post(f"{service.address}/v1/jobs", data={"prompt": f"кот {number}"}).json()
        page.request.delete(service.address + job["urls"]["cancel"])
    page.reload()
    cards = page.locator(".card")
    expect(cards).to_have_count(20)
    expect(cards.first).to_contain_text("кот 20")
    page.get_by_role("button", name="Показать более ранние").click()
    expect(cards).to_have_count(21)
    expect(cards.last).to_contain_text("кот 0")
    expect(page.locator("#more")).to_be_hidden()


def test_an_answer_that_was_lost_paints_once(visit: Visit, watch: Watch) -> None:
    """The network fails after the server took the request: the page sends it again, and one is painted."""
    watch.expected = (CUT_OFF,)
    page = visit()
    sent = []

    def lose_the_first(route: "Route") -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        sent.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        if len(sent) == 1:
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    page.route("**/v1/jobs", lose_the_first)
    see_picture(ask(page, SUNSET))
    page.reload()
    expect(page.locator(".card")).to_have_count(1)
    assert len(sent) == 2
    assert len(set(sent)) == 1


def test_the_server_goes_away_and_comes_back(visit: Visit, watch: Watch, own_service: Service) -> None:
    """The page says that the server is away, finds it again by itself, and shows the picture in the end."""
    watch.expected = (CUT_OFF,)
    page = visit(own_service.address)
    ask(page, f"{SUNSET} --n 10")
    stop(own_service)
    expect(page.get_by_role("alert").filter(has_text="не отвечает")).to_be_visible(timeout=PATIENCE)
    own_service.start()
    expect(page.locator("#away")).to_be_hidden(timeout=PATIENCE)
    see_picture(page.locator(".card"), 10)


@pytest.mark.parametrize(
    ("locale", "language", "title"),
    [
        ("ru-RU", "ru", "Что нарисовать?"),
        ("en-GB", "en", "What shall I paint?"),
        ("fr-FR", "en", "What shall I paint?"),
    ],
)
def test_language_of_the_browser(visit: Visit, locale: str, language: str, title: str) -> None:
    """The page speaks the browser's language, Russian or English, and English to everybody else."""
    page = visit(locale=locale)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("[data-say]:empty")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone(visit: Visit, scheme: str) -> None:
    """On a screen of 360 pixels nothing lies beyond its edge, options unfolded, in light and in dark."""
    page = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme=scheme)
    page.get_by_text("Параметры").tap()
    see_picture(ask(page, SUNSET * 20))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 3 * 128) == (scheme == "light")


JOB = {
    "id": "1",
    "status": "queued",
    "queue_position": 3,
    "eta": None,
    "progress": None,
    "input": {"prompt": "кот", "negative_prompt": "", "size": None, "n": 1, "seed": 1, "level": "auto"},
    "output": None,
    "level": None,
    "lowered": False,
    "error": None,
    "metrics": None,
}
DONE = {
    "status": "succeeded",
    "level": "fast",
    "output": [
        {"url": "/static/icon.svg", "seed": 1, "width": 1024, "height": 1024}
        | {"painted_width": 128, "painted_height": 128}
    ],
    "metrics": {"paint_seconds": 75.4, "wait_seconds": 0.31},
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, r"кот\s+Место в очереди: 3\s+Отменить$"),
        ({"eta": [20.2, 44.1]}, "картинка будет примерно через 20\u2060–\u206045\u00a0с"),
        ({"eta": [140, 250]}, "примерно через 2\u2060–\u20605\u00a0мин"),
        ({"status": "processing", "progress": 0.43, "eta": [5, 5]}, r"Рисую: 43\s%.*осталось примерно 5\sс"),
        ({"status": "failed", "error": {"code": "x", "message": "Художник устал."}}, "Художник устал."),
        (DONE, r"зерно 1\s.*1024×1024, нарисовано в 128×128.*рисование 75\sс.*ожидание 0,3\sс"),
        (DONE | {"lowered": True}, "Ждало много людей.*Ещё раз, в лучшем качестве"),
        (DONE | {"words_read": 21}, "Конец описания не поместился в модель. Прочитано слов: 21."),
        (
            DONE | {"negative_words_read": 0},
            "Список «без» поместился в модель не целиком. Прочитано слов: 0.",
        ),
    ],
)
def test_what_a_card_says(visit: Visit, changes: dict[str, object], told: str) -> None:
    """A card says the place, and a wait only where one was measured; a caption says what was done."""
    page = visit()
    text = page.evaluate(
        """async job => {
            const { Card } = await import("/static/card.js");
            const card = new Card({});
            document.querySelector("main").append(card.root);
            card.show(job);
            return card.root.innerText;
        }""",
        JOB | changes,
    )
    assert re.search(told, text, re.DOTALL), text


def test_the_page_is_small(visit: Visit, service: Service) -> None:
    """All that the page loads, without pictures, is at most 50 KB."""
    page = visit()
    names = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    files = {name for name in names if "/static/" in name} | {service.address}
    sizes = [len(page.request.get(name, headers={"Accept-Language": "ru"}).body()) for name in files]
    assert len(files) >= 8
    assert sum(sizes) <= BUDGET
