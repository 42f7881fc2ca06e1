"""Each request brings its picture once, whatever is killed, flooded or away; `BOT_SEED` tries another seed."""

import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from prompt2pic.core.events import Delivered, Finished, decode_event
from prompt2pic.core.queue import RESULTS
from tests.bot.fleet import BotFleet, bot_fleet
from tests.chaos.topics import make_topics
from tests.servers.kafka import kafka
from tests.telegram import Chat, Message, Person

pytestmark = pytest.mark.timeout(300)

SEED = int(os.environ.get("BOT_SEED") or random.randrange(10**6))
LIMIT = 150.0  # seconds in which everything has arrived


def wait_for_pictures(fleet: BotFleet, chats: dict[int, Chat], expected: int) -> None:
    """Return once as many pictures have arrived as were asked for."""
    fleet.api.wait_for(lambda: sum(map(pictures, chats.values())) >= expected, LIMIT, "pictures are missing")


def pictures(chat: Chat) -> int:
    """Count a chat's pictures."""
    return sum(message.picture is not None for message in chat.messages)


def stale(chat: Chat) -> list[Message]:
    """Return the status messages that nobody will ever change."""
    return [each for each in chat.answers if each.picture is None and "обрабатывается" in each.words]


def deliveries(fleet: BotFleet) -> tuple[Counter[str], Counter[str]]:
    """Count, straight from the log, each request's `finished` and `delivered` records."""
    events = [decode_event(record.value) for record in fleet.records(RESULTS)]
    ends = Counter(event.request for event in events if isinstance(event, Finished))
    return ends, Counter(event.request for event in events if isinstance(event, Delivered))


def crowd(fleet: BotFleet, people: int) -> tuple[list[Person], dict[int, Chat]]:
    """Make people who have a chat with the bot."""
    made = [fleet.api.person(first_name=f"Анна {n}") for n in range(people)]
    return made, {person.id: person.private() for person in made}


def ask_and_kill(
    fleet: BotFleet, people: list[Person], each: int, kills: int, kill: Callable[[], None]
) -> None:
    """Have people ask, one after the other, with so many kills at random between."""
    dice = random.Random(SEED)
    total = len(people) * each
    fatal = set(dice.sample(range(5, total), kills))
    for number in range(total):
        people[number % len(people)].says(f"кот {number}")
        time.sleep(dice.uniform(0, 0.05))
        if number in fatal:
            time.sleep(dice.uniform(0, 1.5))
            kill()


def test_a_killed_bot_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    """200 requests, kill -9 at random instants: one picture each, and at most one stale status message a kill."""
    with bot_fleet(tmp_path, painter="stub:0.05") as fleet:
        people, chats = crowd(fleet, 20)
        ask_and_kill(fleet, people, 10, kills := 6, lambda: fleet.restart(fleet.bots[0]))
        wait_for_pictures(fleet, chats, 200)
        fleet.api.wait_for(lambda: sum(deliveries(fleet)[1].values()) >= 200, LIMIT, "deliveries are missing")
        time.sleep(2.0)  # what comes twice comes late
        left = [each for chat in chats.values() for each in stale(chat)]
        print(f"seed {SEED}: {kills} kills, {len(left)} stale status messages")  # noqa: T201 - shown with -s
        assert [pictures(chat) for chat in chats.values()] == [10] * 20
        assert len(left) <= kills
        ends, told = deliveries(fleet)
        assert set(ends.values()) == {1}
        assert told.keys() == ends.keys()


def test_telegram_may_be_away(tmp_path: Path) -> None:
    """What is asked for before, and painted while, Telegram does not answer arrives afterwards: in order, once."""
    with bot_fleet(tmp_path, painter="stub:0.05") as fleet:
        people, chats = crowd(fleet, 5)
        for number in range(15):
            people[number % 5].says(f"кот {number}")
        fleet.api.wait_for(lambda: any(map(pictures, chats.values())), LIMIT, "nothing arrives")
        fleet.api.goes_down()
        for number in range(15, 30):
            people[number % 5].says(f"кот {number}")
        time.sleep(8.0)
        fleet.api.comes_back()
        wait_for_pictures(fleet, chats, 30)
        for n, chat in enumerate(chats.values()):
            shown = [message.words.split("\n")[0] for message in chat.messages if message.picture]
            assert shown == [f"кот {number}" for number in range(n, 30, 5)]
            assert len(stale(chat)) <= 1  # a call may have been answered too late


def test_pictures_go_out_while_a_thousand_chats_wait(tmp_path: Path) -> None:
    """Places are told to a thousand people at 25 calls a second, and a picture overtakes them all."""
    with bot_fleet(tmp_path, painter="stub:0.5", workers=2) as fleet:
        fleet.api.limit()
        people, chats = crowd(fleet, 1000)
        for number, person in enumerate(people):
            person.says(f"кот {number}")
        fleet.api.wait_for(
            lambda: len(fleet.api.calls_to("sendMessage")) > 900, LIMIT, "nobody is told anything"
        )
        before = len(fleet.api.calls_to("editMessageMedia"))
        fleet.api.wait_for(
            lambda: len(fleet.api.calls_to("editMessageMedia")) > before + 30, LIMIT, "no pictures come"
        )
        delays = fleet.delays()[before:]
        round_trip = len(chats) / 25  # seconds to tell each chat something once
        p95 = statistics.quantiles(delays, n=20)[-1]
        print(f"finished to delivered: p50 {statistics.median(delays):.3f} s, p95 {p95:.3f} s")  # noqa: T201
        assert p95 < round_trip / 20
        # What leaves evenly may arrive in a bunch where the machine, and this Telegram with it, stood still.
        assert len(fleet.api.violations) <= len(fleet.api.calls) / 20


def test_two_bots_over_kafka_share_the_telling(tmp_path: Path) -> None:
    """Two replicas behind a webhook, killed in turn: one picture each, and at most one stale status message a kill."""
    for folder in ("kafka", "fleet"):
        (tmp_path / folder).mkdir()
    with kafka(tmp_path / "kafka") as cluster:
        prefix = make_topics(cluster)
        options = {"log": f"kafka://{cluster.servers}", "topic_prefix": prefix, "hooks": True, "bots": 2}
        with bot_fleet(tmp_path / "fleet", painter="stub:0.05", **options) as fleet:
            people, chats = crowd(fleet, 10)
            dice = random.Random(SEED)
            ask_and_kill(fleet, people, 6, kills := 3, lambda: fleet.restart(dice.choice(fleet.bots)))
            wait_for_pictures(fleet, chats, 60)
            time.sleep(2.0)  # what comes twice comes late
            left = [each for chat in chats.values() for each in stale(chat)]
            print(f"seed {SEED}: {kills} kills, {len(left)} stale status messages")  # noqa: T201 - shown with -s
            assert [pictures(chat) for chat in chats.values()] == [6] * 10
            assert len(left) <= kills


def test_ten_people_at_once_with_the_built_in_model(tmp_path: Path) -> None:
    """Ten people ask for three pictures each: all arrive, each once, in the right chat, with the right words."""
    with bot_fleet(tmp_path, painter="wuerstchen", bot_quota_waiting=3) as fleet:
        people, chats = crowd(fleet, 10)
        for number in range(30):
            people[number % 10].says(f"кот на синем фоне --seed {number} --level fast")
        wait_for_pictures(fleet, chats, 30)
        for n, chat in enumerate(chats.values()):
            shown = [message.words.split(" · ")[0] for message in chat.messages if message.picture]
            assert shown == [f"кот на синем фоне\n\nзерно {number}" for number in range(n, 30, 10)]
            assert all(message.picture.startswith(b"\x89PNG") for message in chat.messages if message.picture)
