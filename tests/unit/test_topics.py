"""Topics in Kafka: what they should be, who may do what with them, and how it is told."""

from pathlib import Path

import pytest

from prompt2pic.core.errors import Problem
from prompt2pic.core.ledger import REMEMBERED
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, FRONTIER_GROUP, SETTINGS, WORKERS
from prompt2pic.log.kafka_rights import ROLES, Right, grants, rights
from prompt2pic.log.kafka_wishes import Difference, Found, Wish, differences, wishes
from prompt2pic.log.topics import TopicConfig
from prompt2pic.settings import Settings
from prompt2pic.texts import Texts
from prompt2pic.topics import Asked, topics
from prompt2pic.topics.keeping import Outcome, State
from prompt2pic.topics.principals import read_principals
from prompt2pic.topics.telling import Account, as_json, as_lines
from prompt2pic.wiring import TOPICS

DAY = 24 * 3600 * 1000  # ms


def as_wished(topic: TopicConfig, replication: int = 3, **changes: str) -> Found:
    """Return a topic whose settings are what is wished for, but for some."""
    settings = {name: wish.value for name, wish in wishes(topic, replication).items()}
    changed = {name.replace("_", "."): value for name, value in changes.items()}
    return Found(topic.partitions, replication, settings | changed)


def settings_that_differ(name: str, **changes: str) -> list[str]:
    """Return which settings of one of our topics are found wrong after these changes."""
    found = as_wished(TOPICS[name], **changes)
    return [one.name for one in differences(name, TOPICS[name], found, 3)]


@pytest.mark.parametrize("name", TOPICS)
@pytest.mark.parametrize("replication", [1, 2, 3, 5])
def test_what_is_wished_for_is_granted(name: str, replication: int) -> None:
    """A topic made as it should be has nothing that differs."""
    found = as_wished(TOPICS[name], replication)
    assert list(differences(name, TOPICS[name], found, replication)) == []


def test_retention_follows_the_design() -> None:
    """Prompts go within 30 days, with their whole segment; `results` outlives them however short it is made."""
    asked, told = wishes(TOPICS[REQUESTS], 3), wishes(TOPICS[RESULTS], 3)
    assert int(asked["retention.ms"].value) + int(asked["segment.ms"].value) < 30 * DAY
    assert (told["retention.ms"].least or 0) > (asked["retention.ms"].most or 0)
    assert (asked["retention.ms"].least or 0) > 2 * REMEMBERED


@pytest.mark.parametrize(
    ("topic", "setting", "value", "fine"),
    [
        (REQUESTS, "retention_ms", str(20 * DAY), True),
        (REQUESTS, "retention_ms", str(31 * DAY), False),
        (REQUESTS, "retention_ms", "-1", False),
        (REQUESTS, "retention_ms", str(DAY), False),
        (RESULTS, "retention_ms", str(7 * DAY), False),
        (RESULTS, "retention_bytes", "1000000", False),
        (RESULTS, "cleanup_policy", "compact", False),
        (RESULTS, "message_timestamp_type", "CreateTime", False),
        (RESULTS, "min_insync_replicas", "1", False),
        (RESULTS, "min_insync_replicas", "3", False),
        (RESULTS, "unclean_leader_election_enable", "true", False),
        (RESULTS, "max_message_bytes", "2000000", True),
        (RESULTS, "max_message_bytes", "1000", False),
        (WORKERS, "cleanup_policy", "delete", False),
        (WORKERS, "cleanup_policy", "compact", False),
        (WORKERS, "retention_ms", str(DAY), True),
        (WORKERS, "retention_ms", "-1", False),
        (SETTINGS, "cleanup_policy", "compact,delete", False),
        (WORKERS, "segment_ms", str(7 * DAY), False),
        (WORKERS, "min_cleanable_dirty_ratio", "0.5", True),
        (WORKERS, "min_cleanable_dirty_ratio", "0.9", False),
        (SETTINGS, "max_compaction_lag_ms", "9223372036854775807", False),
    ],
)
def test_a_setting_is_compared(topic: str, setting: str, value: str, fine: bool) -> None:
    """What breaks the design is found; what is only stricter, or larger, is the owner's to choose."""
    expected = [] if fine else [setting.replace("_", ".")]
    assert settings_that_differ(topic, **{setting: value}) == expected


def test_five_copies_may_need_two() -> None:
    """With five copies of a record two to four of them may have to acknowledge it."""
    assert [wishes(TopicConfig(), 5)["min.insync.replicas"].granted(value) for value in "12345"] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_value_that_is_no_number_is_not_granted() -> None:
    """What can not be compared differs."""
    assert not Wish("1", least=1).granted("many")


def test_fewer_partitions_and_copies_are_told() -> None:
    """So are those, and a topic that is missing; more partitions than asked for are none of it."""
    topic = TopicConfig(partitions=3)
    assert list(differences("t", topic, None, 3)) == [Difference("t", "missing")]
    found = as_wished(topic, 2)._replace(partitions=2)
    assert list(differences("t", topic, found, 3)) == [
        Difference("t", "partitions", "", "2", "3"),
        Difference("t", "replication", "", "2", "3"),
    ]
    assert list(differences("t", topic, as_wished(topic)._replace(partitions=9), 3)) == []


def may(role: str, operation: str) -> set[str]:
    """Return the topics with which a role may do this."""
    return {right.name for right in rights(role) if (right.kind, right.operation) == ("topic", operation)}


def test_who_may_do_what() -> None:
    """The table is the design's: all read all; only the worker tells of workers, and it takes no requests in."""
    assert all(may(role, "read") == set(TOPICS) for role in ROLES)
    assert may("bot", "write") == may("web", "write") == {REQUESTS, RESULTS, SETTINGS}
    assert may("worker", "write") == {RESULTS, WORKERS, DEAD_LETTERS}
    committing = {role for role in ROLES if Right("group", FRONTIER_GROUP, "read") in rights(role)}
    assert committing == {"worker"}


def test_grants_are_named_with_the_prefix_and_once() -> None:
    """Two roles of one user need each right once."""
    found = grants("p.", {"web": ("User:a",), "bot": ("User:a", "User:b")})
    assert len(found) == len(set(found))
    assert all(one.right.name.startswith("p.") for one in found)
    assert {one.principal for one in found} == {"User:a", "User:b"}


def test_principals_are_read(tmp_path: Path) -> None:
    """One user or several for each role."""
    file = tmp_path / "acl.toml"
    file.write_text('web = "User:web"\nworker = ["User:a", "User:b"]\n')
    assert read_principals(file) == {"web": ("User:web",), "worker": ("User:a", "User:b")}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("web = ", "acl-file-unreadable"),
        ('painter = "User:a"', "acl-role-unknown"),
        ('web = "alice"', "acl-principal-wrong"),
        ("web = 5", "acl-principal-wrong"),
        ("web = []", "acl-principal-wrong"),
        ('web = ["User:a", "User:"]', "acl-principal-wrong"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, key: str) -> None:
    """What is wrong with the file of users is a sentence."""
    file = tmp_path / "acl.toml"
    file.write_text(text)
    with pytest.raises(Problem) as caught:
        read_principals(file)
    assert caught.value.key == key
    assert str(file) in Texts("en").sentence(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Neither is it there, nor is that a crash."""
    with pytest.raises(Problem) as caught:
        read_principals(tmp_path / "none")
    assert caught.value.key == "acl-file-unreadable"


@pytest.mark.parametrize(
    ("language", "word"), [("en", "nothing is to be done"), ("ru", "делать ничего не нужно")]
)
def test_a_file_needs_no_topics(tmp_path: Path, language: str, word: str) -> None:
    """Over the embedded log the command says that nothing is to be done."""
    fine, lines = topics(Settings(data=tmp_path, language=language), Asked(), None, json=False)
    (line,) = lines
    assert fine
    assert word in line


def account(*, granted: bool = True) -> Account:
    """Return what came of a command after which two settings of a topic differ still."""
    mended = Difference("p.results", "partitions", "", "1", "3")
    left = (
        Difference("p.requests", "setting", "retention.ms", "-1", "1000"),
        Difference("p.requests", "setting", "cleanup.policy", "compact", "delete"),
    )
    found = {name: as_wished(TOPICS[name], 1) for name in TOPICS}
    before, after = State(1, found, (mended, *left), 1), State(1, found, left, 3)
    lacking = grants("p.", {"web": ("User:web",)})
    return Account(Outcome(before, after), lacking, granted, "host:9092", "p.")


def test_lines_say_what_was_done_what_differs_and_how_to_change_it() -> None:
    """What was mended, what was not, and one command of Kafka for each topic."""
    lines = list(as_lines(account(), Texts("en")))
    assert "✓ p.results has 3 partitions now; there were 1." in lines
    assert "✗ p.requests has retention.ms=-1 instead of 1000." in lines
    (how,) = [line for line in lines if "kafka-configs.sh" in line]
    assert "--entity-name p.requests --add-config retention.ms=1000,cleanup.policy=delete" in how
    assert lines[0].startswith("· Each record is kept on 1 broker,")
    assert any(line.startswith("✓ User:web may now write the topics p.requests, p.results") for line in lines)
    assert not any("✓ p.requests is as it should be" in line for line in lines)
    assert not account().fine


def test_lacking_rights_are_no_success() -> None:
    """Where they were only looked for, they are told as lacking."""
    looked = account(granted=False)
    fine = looked._replace(outcome=Outcome(looked.outcome.after, State(3, {}, (), 3)))
    assert not fine.fine
    assert fine._replace(granted=True).fine
    assert any("User:web has no right to write the topics" in line for line in as_lines(fine, Texts("en")))


def test_programs_are_told_the_same() -> None:
    """As JSON."""
    told = as_json(account())
    assert '"fine": false' in told
    assert '"wanted": "delete"' in told
    assert '"principal": "User:web"' in told


def test_the_page_tells_the_same() -> None:
    """The table for operators has each topic with its rights and its time, as the code has them."""
    page = (Path(__file__).parents[2] / "docs" / "kafka.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert {row[0].strip("`"): row[2:] for row in rows} == {name: row_of(name) for name in TOPICS}


def row_of(name: str) -> list[str]:
    """Return the cells of a topic: how long it is kept, what bot and web, and what a worker may do with it."""
    topic = TOPICS[name]
    kept = [
        *(["newest of each key"] if topic.compacted else []),
        *([f"{topic.kept // DAY} days"] if topic.kept is not None else []),
    ]
    said = ["read, write" if name in may(role, "write") else "read" for role in ("bot", "web", "worker")]
    assert said[0] == said[1]
    return [", ".join(kept), *said[1:]]
