"""What an owner of a queue over Kafka has: settings, an environment, and the doctor."""

import os
from pathlib import Path

from prompt2pic.doctor_kafka import examine_kafka
from prompt2pic.settings import Settings
from prompt2pic.texts import Texts
from tests.servers.kafka import Kafka


def settings_of(server: Kafka, folder: Path, prefix: str, **properties: str) -> Settings:
    """Return settings for a cluster; `properties` are librdkafka's, `_` for each dot."""
    given = {name.replace("_", "."): value for name, value in properties.items()}
    return Settings(
        _env_file=None,
        data=folder,
        log=f"kafka://{server.servers}",
        topic_prefix=prefix,
        language="en",
        kafka={**server.client, **given},
    )


def environment(settings: Settings, **others: str) -> dict[str, str]:
    """Return the environment of a process with these settings."""
    kafka = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.kafka.items()}
    given = {
        "DATA": str(settings.data),
        "LOG": settings.log,
        "TOPIC_PREFIX": settings.topic_prefix,
        "LANGUAGE": "en",
        **kafka,
        **others,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PROMPT2PIC_")}
    return clean | {f"PROMPT2PIC_{name}": value for name, value in given.items()}


def examined(settings: Settings, role: str | None = None) -> list[tuple[bool, str]]:
    """Return what the doctor finds."""
    return list(examine_kafka(settings, Texts("en"), role))
