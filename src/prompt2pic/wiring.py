"""Builds every process from settings; the only module that knows every adapter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2pic.core.asks import Limits
from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import Log, Painter, PictureStore
from prompt2pic.core.quality import Targets
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, SETTINGS, WORKERS
from prompt2pic.log.topics import KEPT, TopicConfig
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from prompt2pic.log.kafka_keeper import Keeper
    from prompt2pic.worker.worker import Worker

TOPICS = {
    REQUESTS: TopicConfig(kept=KEPT[REQUESTS]),
    RESULTS: TopicConfig(kept=KEPT[RESULTS]),
    WORKERS: TopicConfig(compacted=True, kept=KEPT[WORKERS]),
    SETTINGS: TopicConfig(compacted=True),
    DEAD_LETTERS: TopicConfig(kept=KEPT[DEAD_LETTERS]),
}


def build_log(settings: Settings) -> Log:
    """Return the log of the settings. Raises Problem where it can not be had."""
    path = settings.log_file()
    if path is None:
        return _kafka_log(settings)
    from prompt2pic.log.sqlite import SqliteLog

    make_folder(path.parent)
    return SqliteLog(path, TOPICS)


def _kafka_log(settings: Settings) -> Log:
    with _client_needed(settings):
        from prompt2pic.log.kafka import KafkaLog
    return KafkaLog(settings.log, TOPICS, prefix=settings.topic_prefix, properties=settings.kafka)


def build_keeper(settings: Settings) -> "Keeper":
    """Return what looks after the topics of a log in Kafka. Raises Problem where it can not be had."""
    with _client_needed(settings):
        from prompt2pic.log.kafka_keeper import Keeper
    return Keeper(settings.log, settings.topic_prefix, settings.kafka)


@contextmanager
def _client_needed(settings: Settings) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "confluent_kafka":
            raise
        raise Problem("log-kafka-package", path=settings.log) from error


def build_store(settings: Settings) -> PictureStore:
    """Return the picture store of the settings. Raises Problem where it can not be had."""
    from prompt2pic.store import S3Options, open_store

    s3 = None
    if settings.store.startswith("s3://"):
        if not (settings.s3_endpoint and settings.s3_access_key and settings.s3_secret_key):
            raise Problem("store-s3-unset", place=settings.store)
        s3 = S3Options(
            endpoint=settings.s3_endpoint,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            region=settings.s3_region or "us-east-1",
        )
    return open_store(settings.store, secret=settings.signing_secret(), base_url=base_url(settings), s3=s3)


def build_painter(settings: Settings) -> Callable[[], Painter]:
    """Return what makes the painter of the settings, in whichever process it is called."""
    from prompt2pic.painters import make_painter

    return partial(make_painter, settings.painter)


def build_worker(
    settings: Settings, metrics: Metrics, health: Health, loading: Callable[[float, str], None]
) -> "Worker":
    """Return a worker. Raises Problem where its log or store can not be had."""
    from prompt2pic.worker.worker import Options, Worker

    options = Options(
        max_attempts=settings.max_attempts,
        grace=settings.grace_seconds,
        targets=targets(settings),
        keep_ms=int(settings.keep_days * 24 * 3600 * 1000),
        budget=None if settings.budget_gb is None else int(settings.budget_gb * 1e9),
    )
    log, store = build_log(settings), build_store(settings)
    worker = Worker(
        settings.worker_name, log, store, build_painter(settings), options, metrics, loading, _retiring(log)
    )
    health.add("worker", lambda: None if worker.ready else "the model is loading")
    return worker


def _retiring(log: Log) -> Callable[[int], int] | None:
    """Return what deletes old records of a log at a time in ms, None where the log does so by itself."""
    from prompt2pic.log.retention import retire
    from prompt2pic.log.sqlite import SqliteLog

    return partial(retire, log) if isinstance(log, SqliteLog) else None


def build_web(
    settings: Settings, metrics: Metrics, health: Health, failing: Callable[[Problem], None]
) -> "FastAPI":
    """Return the web application; `failing` is told where it can follow the log no more.

    Raises Problem where its log or store can not be had.
    """
    from prompt2pic.edge.erase import Eraser
    from prompt2pic.edge.hub import Hub
    from prompt2pic.edge.shelf import Shelf
    from prompt2pic.edge.submit import Submitter
    from prompt2pic.store import Links
    from prompt2pic.web.app import make_app
    from prompt2pic.web.context import Context
    from prompt2pic.web.guard import Guard
    from prompt2pic.web.links import PictureLinks
    from prompt2pic.web.people import People
    from prompt2pic.web.views import Views

    settings.refuse_open_door()
    secret = settings.signing_secret()
    log = build_log(settings)
    shelf = Shelf(settings.data / "web-shelf.sqlite3", log.identity())
    hub = Hub(log, shelf, metrics, targets(settings), failing)
    links = PictureLinks(Links(secret, base_url(settings)), settings.public_url)
    limits = Limits(waiting=settings.quota_waiting, day=settings.quota_day)
    submitter, store = Submitter(hub, limits, metrics), build_store(settings)
    health.add("log", lambda: None if hub.failed is None else str(hub.failed), vital=True)
    health.add("queue", lambda: None if hub.reader.ready else "the log is being read")
    context = Context(
        hub=hub,
        people=People(secret, settings.callers()),
        submitter=submitter,
        eraser=Eraser(hub, submitter, store),
        views=Views(hub, links),
        links=links,
        store=store,
        metrics=metrics,
        health=health,
    )
    beyond = settings.open_access or bool(settings.api_keys)
    return make_app(context, Guard(settings.allowed_hosts, settings.public_url, any_host=beyond))


def targets(settings: Settings) -> Targets:
    """Return the seconds from request to picture that are aimed at."""
    return Targets(settings.target_seconds, settings.idle_target_seconds)


def base_url(settings: Settings) -> str:
    """Return the address that links begin with."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises Problem where that can not be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem("data-folder-unusable", folder=str(folder), why=error.strerror or str(error)) from None
