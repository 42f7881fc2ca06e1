"""Whatever Telegram brings: no update makes a handler fail, and every person is answered or deliberately not."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt2pic.bot.process import Process
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.settings import load_settings
from prompt2pic.wiring import build_bot
from tests.telegram import Telegram, telegram

ODD = [
    *("", " ", "\u200b\u200d", "\u202eкот", "<b>кот", "😀" * 50, "кот\n--ar 1:1", "--n 4"),
    *("/", "/txt2img", "/ban x", "/ban --5", "/start@other"),
]
Json = dict[str, Any]
texts = st.one_of(st.sampled_from(ODD), st.text(max_size=4096))
people = st.fixed_dictionaries(
    {"id": st.integers(1, 5), "is_bot": st.booleans(), "first_name": st.text(min_size=1, max_size=20)},
    optional={"language_code": st.sampled_from(["ru", "en", "zh-hans", ""])},
)
chats = st.sampled_from(
    [
        {"id": 1, "type": "private"},
        {"id": -5, "type": "group"},
        {"id": -100, "type": "supergroup", "is_forum": True},
    ]
)
contents = st.one_of(
    st.builds(lambda text: {"text": text}, texts),
    st.builds(lambda text: {"caption": text, "photo": []}, texts),
    st.just({"new_chat_title": "x"}),
    st.just({"sticker": {"broken": True}}),
    st.just({}),
)


def message(number: int, sender: Json, chat: Json, content: Json, date: int) -> Json:
    """Return a message as Telegram writes it."""
    return {"message_id": number, "date": date, "chat": chat, "from": sender, **content}


messages = st.builds(message, st.integers(1, 10**6), people, chats, contents, st.integers(0, 2**31 - 1))
presses = st.builds(
    lambda sender, data, about: {
        "id": "1",
        "from": sender,
        "chat_instance": "1",
        "data": data,
        **({"message": about} if about else {}),
    },
    people,
    st.one_of(
        st.text(max_size=64),
        st.sampled_from(["x:", "a:1", "s:1:level:best", "s:2:size:0x0", "s:3:negative:", "s:best", "b"]),
    ),
    st.one_of(st.none(), messages),
)
updates = st.one_of(
    st.builds(lambda one: {"message": one}, messages),
    st.builds(lambda one: {"callback_query": one}, presses),
    st.just({"poll": {"id": "1"}}),
    st.just({}),
)


async def fed(api: Telegram, folder: Path, raws: list[Json]) -> tuple[Metrics, int]:
    """Feed updates to a bot that sends nothing; return its metrics and how many errands it would run."""
    metrics = Metrics()
    process: Process = build_bot(
        load_settings(folder / "none", data=folder), metrics, Health(), lambda *_, **__: None
    )
    async with process.context.hub.running():
        for number, raw in enumerate(raws):
            await process.intake.take({"update_id": number, **raw})
    await process.bot.session.close()
    process.context.hub.log.close()
    return metrics, process.context.outbox.waiting()


@pytest.fixture(autouse=True)
def wired(monkeypatch: pytest.MonkeyPatch) -> Any:
    with telegram() as api:
        monkeypatch.setitem(os.environ, "PROMPT2PIC_TELEGRAM_TOKEN", api.token)
        monkeypatch.setitem(os.environ, "PROMPT2PIC_TELEGRAM_API_URL", api.url)
        monkeypatch.setitem(os.environ, "PROMPT2PIC_BOT_ADMINS", "1")
        yield api


@settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "30")),
    derandomize="CI" in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raws=st.lists(updates, max_size=60))
def test_no_update_makes_the_bot_fail(
    wired: Telegram, tmp_path_factory: pytest.TempPathFactory, raws: list[Json]
) -> None:
    """Messages, presses and things that this program does not know, in any order: each is done with."""
    metrics, _ = asyncio.run(fed(wired, tmp_path_factory.mktemp("fuzz"), raws))
    told = metrics.exposition().decode()
    assert 'telegram_updates_total{outcome="failed"}' not in told
    done = sum(
        float(line.split()[-1])
        for line in told.splitlines()
        if line.startswith("prompt2pic_telegram_updates_total")
    )
    assert done == len(raws)


def test_thirty_messages_in_a_second(wired: Telegram, tmp_path: Path) -> None:
    """As many as may wait are taken, and the refusals of the others are one message, not thirty."""
    sender, chat = {"id": 9, "is_bot": False, "first_name": "Анна"}, {"id": 9, "type": "private"}
    raws = [
        {"message": message(n, sender, chat, {"text": f"кот {n}"}, int(time.time()))} for n in range(1, 31)
    ]
    metrics, errands = asyncio.run(fed(wired, tmp_path, raws))
    assert 'prompt2pic_requests_total{outcome="accepted"} 3.0' in metrics.exposition().decode()
    assert errands == 1  # what the three look like is told by whoever runs the delivery
