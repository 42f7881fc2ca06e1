"""Makes docs/images/chat-ru.png and chat-en.png: a real chat with the built-in model, as a phone shows it.

python -m tests.bot.make_chats, from the root of the repository; needs chromium.
"""

import subprocess
import tempfile
from pathlib import Path

from tests.bot.fleet import BotFleet, bot_fleet
from tests.telegram import Chat
from tests.telegram.render import rendered

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TALKS = {
    "ru": ("Анна", "Закат над океаном", "красный кот на синем фоне --n 3", "Введите описание"),
    "en": ("Anna", "Sunset over the ocean", "a red cat on a blue background --n 3", "Enter a description"),
}
CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


def main() -> None:
    """Talk in both languages and take a picture of each chat."""
    with tempfile.TemporaryDirectory() as name, bot_fleet(Path(name), painter="wuerstchen") as fleet:
        for language in TALKS:
            page = Path(name) / f"{language}.html"
            page.write_text(rendered(talk(fleet, language)), "utf-8")
            shot = [
                f"--screenshot={IMAGES / f'chat-{language}.png'}",
                "--window-size=420,1500",
                page.as_uri(),
            ]
            subprocess.run([*CHROMIUM, *shot], check=True, capture_output=True)


def talk(fleet: BotFleet, language: str) -> Chat:
    """Have the first talk, and one about several pictures."""
    name, first, several, asked = TALKS[language]
    person = fleet.api.person(first_name=name, language_code=language)
    chat = person.private()
    for said in ("/start", "/help", "/txt2img"):
        person.says(said)
        chat.wait_for(lambda messages: messages[-1].from_bot or None, 30)
    chat.wait_for_answer(asked)
    person.says(first)
    chat.wait_for(lambda messages: messages[-1].picture, 60)
    person.says(several)
    chat.wait_for(lambda messages: sum(m.picture is not None for m in messages) == 4 or None, 60)
    return chat


if __name__ == "__main__":
    main()
