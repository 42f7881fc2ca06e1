"""The bot's own delays, beside a bare aiogram bot that echoes, over an emulated Telegram in the same run.

python -m bench.bot; `python -m bench.bot --echo URL TOKEN` is that echo.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message

from bench.figures import figure
from prompt2pic.core.queue import REQUESTS
from prompt2pic.core.requests import decode_request
from tests.bot.fleet import BotFleet, bot_fleet
from tests.chaos.topics import make_topics
from tests.servers.kafka import kafka
from tests.telegram import Telegram, telegram

MESSAGES = 100  # one after the other
PAINTER = "stub:0.01"
PAUSE = 0.2  # seconds between two messages: one person's pace, far from 25 calls a second
AT_ONCE = 300  # messages, for how many a second are taken in
GOAL = 15  # ms at p95 beyond the echo, over the embedded log


def main() -> None:
    """Print the delays from a message to its request and from a picture to its call, and the echo's beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--echo", nargs=2, metavar=("URL", "TOKEN"))
    asked = parser.parse_args()
    if asked.echo:
        asyncio.run(echo(*asked.echo))
        return
    beside = echoed()
    with tempfile.TemporaryDirectory() as name, bot_fleet(Path(name), painter=PAINTER) as fleet:
        show(fleet, beside, "SQLite", GOAL)
    with tempfile.TemporaryDirectory() as name, kafka(made(Path(name) / "kafka")) as server:
        settings = {"log": f"kafka://{server.servers}", "topic_prefix": make_topics(server)}
        with bot_fleet(made(Path(name) / "fleet"), painter=PAINTER, **settings) as fleet:
            show(fleet, beside, "Kafka", None)


def made(folder: Path) -> Path:
    """Make a folder and return it."""
    folder.mkdir()
    return folder


async def echo(url: str, token: str) -> None:
    """Be the reference: answer each message with its own text, as aiogram's first example does."""
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        await message.answer(message.text or "")

    await dispatcher.start_polling(Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(url))))


def echoed() -> list[float]:
    """Return the echo's delays, in ms, from a message to its answer."""
    with telegram() as api:
        process = subprocess.Popen([sys.executable, "-m", "bench.bot", "--echo", api.url, api.token])
        try:
            api.wait_for(lambda: api.calls_to("getUpdates"), 60)
            return [1000 * delay for delay in one_by_one(api, lambda: len(api.calls_to("sendMessage")))]
        finally:
            process.kill()
            process.wait()


def one_by_one(api: Telegram, count: Callable[[], int]) -> list[float]:
    """Return the seconds from each message to the first call that answers it."""
    anna, delays = api.person(), []
    for number in range(MESSAGES):
        before, said = count(), api.now()
        anna.says(f"кот {number}")
        api.wait_for(lambda before=before: count() > before, 60)
        delays.append(api.calls_to("sendMessage")[-1].at - said)
        time.sleep(PAUSE)
    return delays


def show(fleet: BotFleet, beside: list[float], log: str, goal: float | None) -> None:
    """Print the figures over one log."""
    anna, said = fleet.api.person(), {}
    for number in range(MESSAGES):
        done = len(fleet.api.calls_to("editMessageMedia"))
        said[f"кот {number}"] = fleet.api.now()
        anna.says(f"кот {number}")
        fleet.api.wait_for(lambda done=done: len(fleet.api.calls_to("editMessageMedia")) > done, 60)
        time.sleep(PAUSE)
    requests = asked_at(fleet)
    taken = [1000 * (requests[prompt] - at) for prompt, at in said.items()]
    sent = [1000 * delay for delay in fleet.delays()]
    reference = f"the echo: p50 {p50(beside):.1f} ms, p95 {p95(beside):.1f} ms"
    figure(f"from a message to its request in the log ({log}), median", p50(taken), "ms", beside=reference)
    limit = None if goal is None else p95(beside) + goal
    figure(f"the same, p95 ({log})", p95(taken), "ms", limit=limit, beside=reference)
    figure(f"from a finished picture to its call ({log}), median", p50(sent), "ms", beside=reference)
    figure(f"the same, p95 ({log})", p95(sent), "ms", limit=limit, beside=reference)
    figure(f"messages taken in at once ({log})", at_once(fleet), "1/s")


def at_once(fleet: BotFleet) -> float:
    """Return how many messages a second are taken in while many wait."""
    people = [fleet.api.person() for _ in range(AT_ONCE)]
    for number, person in enumerate(people):
        person.says(f"собака {number}")
    fleet.api.wait_for(lambda: fleet.api.updates.count() == 0, 120)
    times = sorted(at for prompt, at in asked_at(fleet).items() if prompt.startswith("собака"))
    return (len(times) - 1) / (times[-1] - times[0])


def asked_at(fleet: BotFleet) -> dict[str, float]:
    """Return when each prompt's request came into the log, in seconds since 1970."""
    return {
        body.prompt: record.timestamp / 1000
        for record in fleet.records(REQUESTS)
        if (body := decode_request(record.value)) is not None
    }


def p50(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """Return what 95 % stay below."""
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()
