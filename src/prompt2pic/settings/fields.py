"""Every setting of every process, with its rule, its unit and its default."""

import os
import platform
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from prompt2pic.core.errors import Problem
from prompt2pic.settings import rules
from prompt2pic.settings.secret import load_secret

PREFIX = "PROMPT2PIC_"
HIDDEN_KAFKA = ("password", "secret", "key", "pem", "token")  # words in names of librdkafka's secrets


def _setting(default: Any, what: str, unit: str = "", shown: str = "", **rules: Any) -> Any:
    """Return a field; `shown` is what the docs print where the default depends on the machine."""
    chosen = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**chosen, description=what, json_schema_extra={"unit": unit, "shown": shown}, **rules)


def _language() -> str:
    """Return the language of the locale, where it is one of ours."""
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "ru" if next(filter(None, names), "").lower().startswith("ru") else "en"


Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
WebAddress = Annotated[str, rules.starts("web-address", "http://", "https://")]
Level = Literal["debug", "info", "warning", "error"]
Port = Annotated[int, Field(ge=0, le=65535)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(rules.words)]
Numbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(rules.words)]


class Settings(BaseSettings):
    """Every setting of every process; `load_settings` reads them and turns wrong ones into sentences."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
    )

    data: Folder = _setting(
        lambda: Path("data").absolute(), "Folder of the log, pictures and the secret.", shown="data"
    )
    log: Annotated[str, rules.starts("log-address", "sqlite:///", "kafka://")] = _setting(
        lambda given: (given["data"] / "log.sqlite3").as_uri().replace("file", "sqlite", 1),
        "Where requests and events are kept: `sqlite:///absolute/path` or `kafka://host:9092,host:9092`.",
        shown="log.sqlite3 in the data folder",
    )
    topic_prefix: Annotated[str, AfterValidator(rules.topic_prefix)] = _setting(
        "prompt2pic.", "What the names of topics and groups in Kafka begin with."
    )
    store: Annotated[str, rules.starts("store-address", "file:///", "s3://")] = _setting(
        lambda given: (given["data"] / "pictures").as_uri(),
        "Where pictures are kept: `file:///absolute/path` or `s3://bucket/prefix`.",
        shown="pictures in the data folder",
    )
    s3_endpoint: WebAddress | None = _setting(None, "Address of the S3 server, where it is not Amazon's.")
    s3_region: str | None = _setting(None, "Region of the S3 bucket.")
    s3_access_key: SecretStr | None = _setting(None, "Access key of the S3 bucket.")
    s3_secret_key: SecretStr | None = _setting(None, "Secret key of the S3 bucket.")
    painter: Annotated[str, AfterValidator(rules.painter)] = _setting(
        "wuerstchen",
        "Who paints: `wuerstchen` (built in), `wuerstchen:NAME-OR-FOLDER`, `sd:NAME-OR-PATH` (Stable Diffusion "
        "1.5: a name on the model hub, a folder or one .safetensors file), or `stub:SECONDS`, which waits and "
        "draws the prompt (for load trials). A name on the model hub may end in `@REVISION`.",
    )
    precision: Annotated[Literal["auto", "fp32", "bf16", "int8"], BeforeValidator(rules.lower)] = _setting(
        "auto",
        "In which precision a CPU paints with Würstchen: `fp32`, `bf16`, `int8`, or `auto`, the fastest, timed once. "
        "A GPU uses half precision for a full model.",
    )
    translator: str = _setting(
        "Helsinki-NLP/opus-mt-ru-en",
        "Who translates prompts for a model that reads English only: a Marian model of OPUS-MT, by its name on "
        "the model hub or its folder, or `none`.",
    )
    telegram_token: SecretStr | None = _setting(
        None, "Token of the Telegram bot; without it the bot is left out."
    )
    telegram_api_url: WebAddress = _setting(
        "https://api.telegram.org", "Address of the Telegram Bot API server."
    )
    telegram_webhook: WebAddress | None = _setting(
        None, "Public https address at which Telegram calls the bot; without it the bot asks by itself."
    )
    bot_port: Port = _setting(
        8081, "Port at which the bot listens for Telegram's calls and tells of its health."
    )
    bot_people: Numbers = _setting(
        (), "Ids of the people whom the bot serves, divided by commas; nobody named: all."
    )
    bot_groups: Numbers = _setting((), "Ids of the groups that it serves, everybody in them.")
    bot_admins: Numbers = _setting((), "Ids of the people who may `/stats`, `/ban`, `/unban` and `/drain`.")
    bot_quota_waiting: int = _setting(
        3, "Requests of one person that may wait at a time, in Telegram.", "requests", ge=1
    )
    bot_quota_day: int = _setting(
        100, "Pictures that one person may ask for in 24 hours, in Telegram.", "pictures", ge=1
    )
    bot_quota_best: int = _setting(
        10, "Requests among them that may name the best quality; others follow the queue.", "requests", ge=0
    )
    blocked_words: Folder | None = _setting(
        None,
        "File of words whose prompts are refused, one rule a line.",
        shown="a list against sexual content with minors",
    )
    spoiler_words: Folder | None = _setting(
        None, "File of words whose pictures are blurred in Telegram, one rule a line.", shown="a short list"
    )
    host: str = _setting("127.0.0.1", "Address the web page listens at; `0.0.0.0` for every network.")
    port: Port = _setting(8080, "Port of the web page; 0 takes a free one.")
    metrics_port: Port = _setting(
        0,
        "Port of /metrics, /healthz and /readyz, for operators only; 0 is off. Without one the page serves its "
        "/metrics at its own port while nobody beyond this machine reaches that.",
    )
    public_url: WebAddress | None = _setting(
        None, "Address under which people reach the web page, for links."
    )
    api_keys: Annotated[SecretStr, AfterValidator(rules.caller_keys)] | None = _setting(
        None, "Who may call: `name:key,name:key`, or `@file` with one `name:key` a line."
    )
    open_access: bool = _setting(False, "Serve everybody without keys, even beyond this machine.")
    allowed_hosts: Words = _setting(
        (),
        "Host names, divided by commas, that requests may be addressed to, beside this machine's and that of "
        "the public address.",
    )
    secret: Annotated[SecretStr, Field(min_length=16)] | None = _setting(
        None,
        "Signs cookies and links, 16 characters or more; the same for every process.",
        shown="a random one, kept in the data folder",
    )
    quota_waiting: int = _setting(20, "Requests of one person that may wait at a time.", "requests", ge=1)
    quota_day: int = _setting(500, "Pictures that one person may ask for in 24 hours.", "pictures", ge=1)
    target_seconds: float = _setting(
        30, "A picture should be there within this time: load lowers the level.", "seconds", gt=0
    )
    idle_target_seconds: float = _setting(180, "The same while nobody else waits.", "seconds", gt=0)
    max_attempts: int = _setting(3, "Attempts after which a request is given up.", "attempts", ge=1, le=100)
    grace_seconds: float = _setting(
        25, "How long a worker that is told to stop may finish its picture.", "seconds", ge=0
    )
    keep_days: float = _setting(30, "How long pictures are kept.", "days", gt=0)
    budget_gb: float | None = _setting(None, "Disk that pictures may fill; the oldest go first.", "GB", gt=0)
    workers: int = _setting(1, "Workers that `prompt2pic run` starts.", "processes", ge=0, le=64)
    worker_name: str = _setting(
        platform.node, "Name of this worker; every worker needs its own.", shown="the host name"
    )
    language: Annotated[Literal["en", "ru"], BeforeValidator(rules.lower)] = _setting(
        _language, "Language of the command line: `en` or `ru`.", shown="from LANG"
    )
    log_level: Annotated[Level, BeforeValidator(rules.lower)] = _setting(
        "info", "What is told: `debug`, `info`, `warning` or `error`."
    )
    log_format: Annotated[Literal["auto", "console", "json"], BeforeValidator(rules.lower)] = _setting(
        "auto", "`console`, `json`, or `auto`: console in a terminal, JSON elsewhere."
    )
    kafka: dict[str, str] = Field(default={}, repr=False, description="Passed to librdkafka.")

    def log_file(self) -> Path | None:
        """Return the file of the embedded log, None where the log is Kafka."""
        return rules.path_of(self.log, "sqlite://")

    def callers(self) -> dict[str, str]:
        """Return the name of each caller by API key."""
        return rules.names_by_key(self.api_keys) if self.api_keys else {}

    def signing_secret(self) -> bytes:
        """Return what signs cookies and links. Raises Problem where it can not be kept."""
        return self.secret.get_secret_value().encode() if self.secret else load_secret(self.data)

    def hidden(self) -> list[str]:
        """Return every value that must never be logged."""
        fields = [value.get_secret_value() for _, value in self if isinstance(value, SecretStr)]
        kafka = [value for name, value in self.kafka.items() if any(word in name for word in HIDDEN_KAFKA)]
        return [*fields, *self.callers(), *kafka]

    def lets_others_in(self) -> bool:
        """Return whether people beyond this machine may ask, with a key or without."""
        return self.open_access or bool(self.api_keys)

    def shows_metrics_on_page(self) -> bool:
        """Return whether the page serves its metrics: without a port for them, where only this machine reaches it."""
        others = self.lets_others_in() or self.public_url or self.allowed_hosts
        return rules.is_loopback(self.host) and not others and not self.metrics_port

    def refuse_open_door(self) -> None:
        """Raise Problem where anybody on the network could paint and nobody said that they may."""
        if not (rules.is_loopback(self.host) or self.lets_others_in()):
            raise Problem("open-without-keys", host=self.host)
