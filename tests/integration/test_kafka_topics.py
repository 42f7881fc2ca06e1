"""`prompt2pic topics` and `prompt2pic doctor` on a real broker."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, SETTINGS, WORKERS
from prompt2pic.core.rules import PARTITIONS_KEY, Rules
from prompt2pic.settings import Settings
from prompt2pic.topics import Asked, topics
from prompt2pic.topics.keeping import Outcome, keep
from prompt2pic.wiring import TOPICS, build_keeper, build_log
from tests.conformance.log_suite import read_all
from tests.servers.kafka import Kafka, kafka
from tests.servers.owner import environment, examined, settings_of
from tests.servers.ports import free_port
from tests.servers.service import eventually

CHECK = Asked(check=True)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker that tests share."""
    with kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def settings(broker: Kafka, tmp_path: Path) -> Settings:
    """Make settings for topics that are not there yet."""
    return settings_of(broker, tmp_path, f"test-{secrets.token_hex(4)}.")


def kept(settings: Settings, asked: Asked = Asked()) -> Outcome:  # noqa: B008 - it can not be changed
    """Do what `prompt2pic topics` does."""
    return keep(settings, build_keeper(settings), asked)


def spread(settings: Settings) -> list[int | None]:
    """Return over how many partitions new requests were spread, record by record."""
    found = []
    with closing(build_log(settings)) as log:
        for record in read_all(log, Place(SETTINGS, 0)):
            rules = Rules()
            rules.apply(record)
            if record.key == PARTITIONS_KEY:
                found.append(rules.partitions)
    return found


class TestTopics:
    """Making, checking and growing."""

    def test_from_nothing(self, settings: Settings) -> None:
        """All topics are made as they should be, and made again nothing changes."""
        outcome = kept(settings)
        assert [one.kind for one in outcome.mended] == ["missing"] * len(TOPICS) + ["record"]
        assert outcome.after.differences == ()
        assert {name: found.partitions for name, found in outcome.after.found.items()} == {
            REQUESTS: 3,
            RESULTS: 3,
            WORKERS: 1,
            SETTINGS: 1,
            DEAD_LETTERS: 1,
        }
        again = kept(settings)
        assert again.before == again.after == outcome.after
        assert spread(settings) == [3]

    def test_looking_changes_nothing(self, settings: Settings) -> None:
        """With --check all that is missing is told, and still is missing."""
        assert {one.kind for one in kept(settings, CHECK).after.differences} == {"missing", "record"}
        assert kept(settings, CHECK).after.found == {}

    def test_a_setting_that_differs(self, settings: Settings) -> None:
        """It is told, left alone, and changed where so asked."""
        kept(settings)
        build_keeper(settings).change(REQUESTS, {"retention.ms": "-1", "min.insync.replicas": "2"})
        eventually(lambda: len(kept(settings, CHECK).after.differences) == 2, "the change is not seen")
        assert len(kept(settings).after.differences) == 2
        assert [one.name for one in kept(settings, Asked(fix=True)).mended] == [
            "min.insync.replicas",
            "retention.ms",
        ]
        assert kept(settings, CHECK).after.differences == ()

    def test_growing(self, settings: Settings) -> None:
        """More partitions are told of only when both topics have them."""
        kept(settings, Asked(partitions=2))
        outcome = kept(settings, Asked(partitions=4))
        assert [one.kind for one in outcome.mended] == ["partitions", "partitions", "record"]
        assert [outcome.after.found[name].partitions for name in (REQUESTS, RESULTS)] == [4, 4]
        assert spread(settings) == [2, 4]

    def test_growing_that_was_interrupted(self, settings: Settings) -> None:
        """Where only `results` grew, the next run goes on."""
        kept(settings, Asked(partitions=2))
        build_keeper(settings).grow(RESULTS, 5)
        found = eventually(lambda: kept(settings, CHECK).after.differences, "the growth is not seen")
        assert [one.kind for one in found] == ["partitions", "record"]
        assert kept(settings).after.differences == ()
        assert spread(settings) == [2, 5]

    def test_what_can_not_be(self, settings: Settings) -> None:
        """Fewer partitions, and more copies than brokers, are refused, and nothing is changed."""
        before = kept(settings).after
        with pytest.raises(Problem) as caught:
            kept(settings, Asked(partitions=2))
        assert caught.value.key == "topics-shrink"
        with pytest.raises(Problem) as caught:
            kept(settings, Asked(replication=2))
        assert caught.value.key == "topics-replication"
        assert kept(settings, CHECK).after == before

    def test_a_cluster_without_rights(self, settings: Settings, tmp_path: Path) -> None:
        """A cluster that checks no rights can not be given any, and nobody lacks some: it is said so."""
        file = tmp_path / "acl.toml"
        file.write_text('web = "User:web"')
        for asked in (Asked(), CHECK):
            with pytest.raises(Problem) as caught:
                topics(settings, asked, file, json=False)
            assert caught.value.key == "acl-off"

    def test_the_command_line(self, settings: Settings, tmp_path: Path) -> None:
        """The exit code is 1 where something differs; programs read JSON."""

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "prompt2pic", "topics", *words]
            return subprocess.run(
                command, env=environment(settings), capture_output=True, text=True, cwd=tmp_path
            )

        looked = run("--check")
        assert (looked.returncode, looked.stdout.count("is missing")) == (1, 5), looked.stderr
        made = run("--partitions", "2", "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["topics"][f"{settings.topic_prefix}requests"]["partitions"] == 2


class TestDoctor:
    """What the doctor says of a cluster without users."""

    def test_topics_are_missing(self, settings: Settings) -> None:
        """It says which, and what makes them."""
        lines = examined(settings)
        assert [fine for fine, _ in lines] == [True, False, False, False]
        assert "`prompt2pic topics`" in lines[1][1]

    def test_all_is_well(self, settings: Settings) -> None:
        """Reach, topics, rights, log, clock and frontier are fine, and no request was written."""
        kept(settings)
        assert [line for fine, line in examined(settings) if not fine] == []
        assert len(examined(settings)) == 6
        with closing(build_log(settings)) as log:
            assert [log.bounds(Place(REQUESTS, n)) for n in range(3)] == [(0, 0)] * 3

    def test_nobody_listens(self, settings: Settings) -> None:
        """A port at which nobody listens, and a name that nobody has, are told as that."""
        for host, word in (
            (f"127.0.0.1:{free_port()}", "Nothing listens"),
            ("no.invalid:9092", "has no address"),
        ):
            ((fine, line),) = examined(settings.model_copy(update={"log": f"kafka://{host}"}))
            assert not fine
            assert word in line
