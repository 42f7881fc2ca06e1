"""Settings: what is read, what is refused and how it is told."""

import stat
from pathlib import Path

import pytest

from docs import make_settings
from prompt2pic import wiring
from prompt2pic.core.asks import Limits
from prompt2pic.core.errors import Problem
from prompt2pic.core.quality import Targets
from prompt2pic.settings import Settings, load_secret, load_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields:
        monkeypatch.delenv(f"PROMPT2PIC_{field.upper()}", raising=False)


def test_defaults_live_in_the_data_folder(tmp_path: Path) -> None:
    """Without any setting the log, the pictures and the secret are in ./data."""
    settings = load_settings()
    assert settings.log_file() == tmp_path / "data" / "log.sqlite3"
    assert settings.store == (tmp_path / "data" / "pictures").as_uri()
    assert settings.kafka == {}


def test_the_core_has_the_same_defaults() -> None:
    """What is said of the targets and quotas in the settings holds for whoever uses the core without them."""
    settings, limits = load_settings(), Limits()
    assert wiring.targets(settings) == Targets()
    assert (settings.quota_waiting, settings.quota_day) == (limits.waiting, limits.day)


def test_any_folder_name_is_found_again(tmp_path: Path) -> None:
    """Addresses are percent-encoded, so a data folder may have any name."""
    settings = load_settings(data=tmp_path / "50% кот")
    assert settings.log_file() == tmp_path / "50% кот" / "log.sqlite3"
    assert settings.store == (tmp_path / "50% кот" / "pictures").as_uri()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option beats a variable, a variable beats `.env`, an empty value counts as none."""
    (tmp_path / ".env").write_text("PROMPT2PIC_PORT=1001\nPROMPT2PIC_WORKERS=2\nPROMPT2PIC_QUOTA_DAY=\n")
    monkeypatch.setenv("PROMPT2PIC_PORT", "1002")
    assert load_settings().port == 1002
    settings = load_settings(port="1003", workers=None)
    assert (settings.port, settings.workers, settings.quota_day) == (1003, 2, 500)


def test_kafka_properties_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMPT2PIC_KAFKA_X_Y becomes x.y, from the environment and from the file, and is not shown."""
    (tmp_path / ".env").write_text("PROMPT2PIC_KAFKA_SECURITY_PROTOCOL=SASL_SSL\n")
    monkeypatch.setenv("PROMPT2PIC_KAFKA_SASL_PASSWORD", "hush")
    monkeypatch.setenv("PROMPT2PIC_LOG", "kafka://one:9092,two:9092")
    settings = load_settings()
    assert settings.kafka == {"security.protocol": "SASL_SSL", "sasl.password": "hush"}
    assert settings.log_file() is None
    assert "hush" not in repr(settings)


def test_callers_come_from_the_value_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """API keys are read as name:key, divided by commas or, from a file, one a line."""
    assert load_settings().callers() == {}
    monkeypatch.setenv("PROMPT2PIC_API_KEYS", "ann:k1, bob:k2")
    assert load_settings().callers() == {"k1": "ann", "k2": "bob"}
    (tmp_path / "keys").write_text("# who\nann:k3\n\n")
    monkeypatch.setenv("PROMPT2PIC_API_KEYS", "@keys")
    assert load_settings().callers() == {"k3": "ann"}


WRONG = [
    ("PORT", "http", "whole-number", ""),
    ("PORT", "70000", "at-most", "65535"),
    ("QUOTA_DAY", "0", "at-least", "1"),
    ("TARGET_SECONDS", "0", "more-than", "0"),
    ("TARGET_SECONDS", "inf", "number", ""),
    ("OPEN_ACCESS", "perhaps", "yes-or-no", ""),
    ("LOG_LEVEL", "loud", "one-of", "debug, info, warning, error"),
    ("LOG", "mysql://host", "log-address", ""),
    ("LOG", "sqlite://relative", "log-address", ""),
    ("STORE", "s3://", "store-address", ""),
    ("PAINTER", "dall-e", "painter", ""),
    ("PAINTER", "stub:long", "painter-stub", ""),
    ("PUBLIC_URL", "example.org", "web-address", ""),
]


@pytest.mark.parametrize(("name", "value", "why", "limit"), WRONG)
def test_a_wrong_value_is_named(
    name: str, value: str, why: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem names the variable, its value and what is wrong with it."""
    monkeypatch.setenv(f"PROMPT2PIC_{name}", value)
    with pytest.raises(Problem) as caught:
        load_settings()
    assert caught.value.key == "setting-wrong"
    expected = {"name": f"PROMPT2PIC_{name}", "value": value, "why": why, "limit": limit}
    assert caught.value.args_by_name == expected


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("SECRET", "hush-hush", "too-short"),
        ("API_KEYS", "hush-hush", "keys"),
        ("API_KEYS", "ann:hush-hush,bob:hush-hush", "keys-twice"),
        ("API_KEYS", "@hush-hush", "keys-file"),
    ],
)
def test_a_wrong_secret_is_never_shown(
    name: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem with a secret names the variable, not the value."""
    monkeypatch.setenv(f"PROMPT2PIC_{name}", value)
    with pytest.raises(Problem) as caught:
        load_settings()
    assert (caught.value.key, caught.value.args_by_name["why"]) == ("secret-setting-wrong", why)
    assert "hush" not in str(caught.value)


def test_a_wrong_option_is_named_as_it_was_typed() -> None:
    """A wrong value from the command line is told by its option, not by a variable nobody set."""
    with pytest.raises(Problem) as caught:
        load_settings(port="99999999")
    assert caught.value.args_by_name["name"] == "--port"


@pytest.mark.parametrize("other", ["port", "bot_port"])
def test_metrics_have_a_port_of_their_own(other: str) -> None:
    """A port that is to be two things is refused, with both names, before either is opened; two free ones are fine."""
    with pytest.raises(Problem) as caught:
        load_settings(**{"metrics_port": 9464, other: 9464})
    assert (caught.value.key, caught.value.args_by_name["port"]) == ("port-twice", 9464)
    assert caught.value.args_by_name["other"] == f"PROMPT2PIC_{other.upper()}"
    assert load_settings(metrics_port=0, port=0).port == 0


@pytest.mark.parametrize("in_file", [True, False])
def test_an_unknown_name_is_refused_with_the_nearest(
    in_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt variable stops the start instead of being ignored."""
    if in_file:
        (tmp_path / ".env").write_text("PROMPT2PIC_PROT=80\n")
    else:
        monkeypatch.setenv("PROMPT2PIC_PROT", "80")
    with pytest.raises(Problem) as caught:
        load_settings()
    assert caught.value.key == "setting-unknown"
    assert caught.value.args_by_name == {"name": "PROMPT2PIC_PROT", "near": "PROMPT2PIC_PORT"}


def test_an_env_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """A `.env` of other bytes is a sentence, not a traceback."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Problem, match="settings-file-unreadable"):
        load_settings()


def test_the_language_follows_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Russian locale gets Russian sentences, any other English ones; a setting wins."""
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    assert load_settings().language == "ru"
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert load_settings().language == "en"
    assert load_settings(language="RU").language == "ru"


def test_the_door_stays_shut_until_somebody_opens_it() -> None:
    """Beyond this machine keys or an explicit word are needed."""
    for safe in ({}, {"host": "localhost"}, {"host": "::1"}):
        load_settings(**safe).refuse_open_door()
    load_settings(host="0.0.0.0", open_access=True).refuse_open_door()  # noqa: S104
    load_settings(host="10.0.0.1", api_keys="ann:k1").refuse_open_door()
    with pytest.raises(Problem, match="open-without-keys"):
        load_settings(host="0.0.0.0").refuse_open_door()  # noqa: S104


def test_the_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    """Every process of one data folder signs with the same secret, which others can not read."""
    secret = load_secret(tmp_path / "data")
    assert len(secret) == 32
    assert load_settings().signing_secret() == secret
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


def test_a_set_secret_is_used_as_it_is() -> None:
    """A secret from the settings needs no file."""
    assert load_settings(secret="x" * 16).signing_secret() == b"x" * 16


def test_what_must_not_be_logged_is_known() -> None:
    """The values of all secrets, each API key and Kafka's passwords are listed for the logs to mask."""
    settings = load_settings(telegram_token="t", api_keys="ann:k1,bob:k2", s3_secret_key="s")
    assert {"t", "k1", "k2", "s"} <= set(settings.hidden())


def test_kafka_passwords_are_hidden_and_other_properties_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those of librdkafka's properties that hold secrets are masked in logs."""
    monkeypatch.setenv("PROMPT2PIC_KAFKA_SASL_PASSWORD", "hush")
    monkeypatch.setenv("PROMPT2PIC_KAFKA_CLIENT_ID", "me")
    assert load_settings().hidden() == ["hush"]


def test_a_broken_secret_file_is_told(tmp_path: Path) -> None:
    """A file that holds no secret is a sentence, and is not overwritten."""
    (tmp_path / "secret").write_text("short")
    with pytest.raises(Problem, match="secret-file-broken"):
        load_secret(tmp_path)


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    """Where the data folder can not be made, the problem names it."""
    (tmp_path / "data").write_text("")
    with pytest.raises(Problem, match="data-folder-unusable"):
        load_secret(tmp_path / "data")


def test_the_docs_are_made_from_the_code() -> None:
    """docs/settings.md and .env.example are what `make docs` writes."""
    assert (make_settings.ROOT / "docs" / "settings.md").read_text("utf-8") == make_settings.page()
    assert (make_settings.ROOT / ".env.example").read_text("utf-8") == make_settings.example()


def test_the_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    """A copied example, with every line taken in, is valid."""
    lines = make_settings.example().replace("# PROMPT2PIC_", "PROMPT2PIC_")
    (tmp_path / ".env").write_text(lines)
    assert load_settings().port == 8080
