"""What owners decide about a person, what a person prefers, and how often they may name the best level."""

import subprocess
import sys
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.asks import Ask, Limits
from prompt2pic.core.intake import affordable
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Place, Record
from prompt2pic.core.requests import Request
from prompt2pic.core.rules import Ban, Preferences, Rules, personal
from prompt2pic.core.tally import DAY, DayTally
from prompt2pic.log.sqlite_share import FileShare
from tests.servers.service import eventually

NOW = 10 * DAY


def told(rules: Rules, record: Ban | Preferences) -> None:
    """Let rules read a record as the log holds it."""
    key, value = personal(record)
    rules.apply(Record(Place("settings", 0), 0, key, value, 0))


def test_the_newest_word_about_a_person_counts() -> None:
    """Bans and preferences of each person are their newest records; who said nothing has the defaults."""
    rules = Rules()
    for on in (True, False, True):
        told(rules, Ban(person="tg:1", on=on))
    told(rules, Ban(person="tg:2", on=False))
    told(rules, Preferences(person="tg:1", level="fast", negative="blur"))
    told(rules, Preferences(person="tg:1", width=512, height=512, language="ru"))
    assert rules.banned == {"tg:1"}
    assert rules.preferences("tg:1") == Preferences(person="tg:1", width=512, height=512, language="ru")
    assert rules.preferences("tg:2") == Preferences(person="tg:2")


@given(st.binary(max_size=60), st.sampled_from(["ban:x", "preferences:x", "other"]))
def test_what_can_not_be_read_changes_nothing(value: bytes, key: str) -> None:
    """Unknown bytes under a person's key are passed over."""
    rules = Rules()
    rules.apply(Record(Place("settings", 0), 0, key, value, 0))
    assert (rules.banned, rules.preferences("x")) == (set(), Preferences(person="x"))


def test_the_best_level_has_an_allowance() -> None:
    """So many of the last 24 hours may name it; older ones and other levels do not count."""
    limits, ask = Limits(best=2), Ask(prompt="кот", level="best")

    def job(number: int, level: str, age: int) -> Job:
        request = Request(id=str(number), person="p", prompt="кот", seed=1, level=level)  # type: ignore[arg-type]
        return Job(str(number), 0, number, request, NOW - age)

    recent = [job(1, "best", 1000), job(2, "fast", 2000), job(3, "best", DAY + 1), job(4, "best", DAY + 2)]
    assert affordable(ask, recent, limits, NOW) == ask
    spent = [job(5, "best", 500), *recent]
    assert affordable(ask, spent, limits, NOW) == msgspec.structs.replace(ask, level="auto")
    other = Ask(prompt="кот", level="fast")
    assert affordable(other, spent, limits, NOW) == other


def test_a_day_in_figures() -> None:
    """How many people asked, and for how many pictures."""
    tally = DayTally()
    tally.add("a", NOW - 1, 3)
    tally.add("b", NOW - 2, 1)
    tally.add("c", NOW - DAY - 1, 9)
    assert tally.day(NOW) == (2, 4)


def test_one_of_two_processes_tells_people(tmp_path: Path) -> None:
    """The second one takes over as soon as the first is gone, however it ended."""
    log = tmp_path / "log.sqlite3"
    program = (
        "import sys, time; from pathlib import Path; from prompt2pic.log.sqlite_share import FileShare;"
        "share = FileShare(Path(sys.argv[1])); share.start(lambda: print('mine', flush=True)); time.sleep(60)"
    )
    first = subprocess.Popen([sys.executable, "-c", program, str(log)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    with first.stdout as output:
        assert output.readline() == "mine\n"
        second = FileShare(log)
        second.start(lambda: None)
        assert not second.mine(0)
        first.kill()
        first.wait()
        eventually(lambda: second.mine(0) or None, "nobody tells people")
        second.close()
        assert not second.mine(0)
