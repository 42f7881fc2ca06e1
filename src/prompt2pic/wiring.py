"""Builds every process from settings; the only module that knows every adapter."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from prompt2pic.core.asks import Limits
from prompt2pic.core.errors import Problem
from prompt2pic.core.ports import Log, Painter, PictureStore, Share, Translator
from prompt2pic.core.quality import Targets
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, SETTINGS, WORKERS
from prompt2pic.core.words import WordLists
from prompt2pic.log.topics import KEPT, TopicConfig
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.ops.watch import Watch
from prompt2pic.settings import Settings, make_folder, refuse_full
from prompt2pic.texts import Texts, saying, sentence

if TYPE_CHECKING:
    from aiogram import Bot
    from fastapi import FastAPI

    from prompt2pic.bot.process import Process
    from prompt2pic.edge.hub import Hub
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


def watch_places(settings: Settings, health: Health, store: PictureStore) -> Watch:
    """Have health tell whether pictures and the data folder can be written; return what watches the store."""
    health.add("disk", Watch(partial(refuse_full, settings.data), saying(settings.language)).wrong)
    watch = Watch(store.check, saying(settings.language))
    health.add("store", watch.wrong)
    return watch


def build_painter(settings: Settings) -> Callable[[], Painter]:
    """Return what makes the painter of the settings, in whichever process it is called."""
    return partial(_painter, build_bare_painter(settings), settings.translator, settings.language)


def build_bare_painter(settings: Settings) -> Callable[[], Painter]:
    """Return what makes the painter of the settings without the translator in front of it."""
    from prompt2pic.painters import make_painter

    return partial(make_painter, settings.painter, settings.precision, settings.data / "precision.json")


def _painter(made: Callable[[], Painter], translator: str, language: str) -> Painter:
    from prompt2pic.painters import make_translator
    from prompt2pic.painters.translating import TranslatingPainter

    return TranslatingPainter(made(), make_translator(translator), partial(_tell_untranslated, language))


def _tell_untranslated(language: str, why: Problem) -> None:
    sys.stderr.write(Texts(language).say("translator-off", why=sentence(why, language)) + "\n")


def build_translator(settings: Settings) -> Translator:
    """Return the translator of the settings, not yet loaded."""
    from prompt2pic.painters import make_translator

    return make_translator(settings.translator)


def build_worker(
    settings: Settings, metrics: Metrics, health: Health, loading: Callable[[float, str], None]
) -> "Worker":
    """Return a worker. Raises Problem where its log or store can not be had."""
    from prompt2pic.log.retention import retiring
    from prompt2pic.worker.worker import Options, Worker

    options = Options(
        max_attempts=settings.max_attempts,
        grace=settings.grace_seconds,
        targets=targets(settings),
        keep_ms=int(settings.keep_days * 24 * 3600 * 1000),
        budget=None if settings.budget_gb is None else int(settings.budget_gb * 1e9),
    )
    log, store = build_log(settings), build_store(settings)
    watch, painter, retire = watch_places(settings, health, store), build_painter(settings), retiring(log)
    worker = Worker(settings.worker_name, log, store, painter, options, metrics, loading, retire, watch.well)
    health.add("worker", lambda: None if worker.ready else "the model is loading")
    health.add("log-answers", lambda: saying(settings.language)(worker.away) if worker.away else None)
    return worker


def build_web(
    settings: Settings, metrics: Metrics, health: Health, failing: Callable[[Problem], None]
) -> "tuple[FastAPI, Hub]":
    """Return the web application and its hub; `failing` is told where it can follow the log no more.

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
    submitter, store = Submitter(hub, limits, metrics, _words(settings)), build_store(settings)
    hub.examined_by(health, saying(settings.language))
    watch_places(settings, health, store)
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
    guard = Guard(settings.allowed_hosts, settings.public_url, any_host=settings.lets_others_in())
    return make_app(context, guard, private=settings.shows_metrics_on_page()), hub


def build_bot(settings: Settings, metrics: Metrics, health: Health, say: Callable[..., None]) -> "Process":
    """Return the bot; made in the event loop that runs it. `say` tells the owner, by a key of `texts`.

    Raises Problem where its token is none, or its log or store can not be had.
    """
    from prompt2pic.bot.calls import Calls
    from prompt2pic.bot.context import Access, Context
    from prompt2pic.bot.delivery import Delivery
    from prompt2pic.bot.intake import webhook_secret
    from prompt2pic.bot.outbox import Outbox
    from prompt2pic.bot.process import Process, Webhook
    from prompt2pic.edge.erase import Eraser
    from prompt2pic.edge.hub import Hub
    from prompt2pic.edge.shelf import Shelf
    from prompt2pic.edge.submit import Submitter

    bot = _telegram(settings)
    log, store, words = build_log(settings), build_store(settings), _words(settings)
    shelf = Shelf(settings.data / "bot-shelf.sqlite3", log.identity())
    hub = Hub(log, shelf, metrics, targets(settings), lambda problem: process.fail(problem))
    limits = Limits(
        waiting=settings.bot_quota_waiting, day=settings.bot_quota_day, best=settings.bot_quota_best
    )
    outbox, calls, submitter = Outbox(metrics), Calls(bot), Submitter(hub, limits, metrics, words)
    share = build_share(settings)
    access = Access(*map(frozenset, (settings.bot_people, settings.bot_groups, settings.bot_admins)))
    context = Context(
        hub=hub,
        submitter=submitter,
        eraser=Eraser(hub, submitter, store),
        outbox=outbox,
        calls=calls,
        store=store,
        access=access,
        limits=limits,
    )
    delivery = Delivery(
        hub,
        outbox,
        calls,
        store,
        metrics,
        share=share,
        spoiler=words.spoiler,
        linked=settings.public_url is not None,
    )
    webhook = None
    if settings.telegram_webhook is not None:
        secret = webhook_secret(settings.signing_secret())
        webhook = Webhook(settings.telegram_webhook, secret, settings.host, settings.bot_port)
    hub.examined_by(health, saying(settings.language))
    watch_places(settings, health, store)
    process = Process(bot, context, delivery, metrics, health, webhook, say)
    return process


def build_share(settings: Settings) -> Share:
    """Return this process's part in telling people. Raises Problem where it can not be had."""
    path = settings.log_file()
    if path is not None:
        from prompt2pic.log.sqlite_share import FileShare

        return FileShare(path)
    with _client_needed(settings):
        from prompt2pic.log.kafka_share import GroupShare
    return GroupShare(settings.log, settings.topic_prefix, settings.kafka)


def bot_name(settings: Settings) -> str:
    """Ask Telegram for the name of the bot. Raises Problem where it does not know the token, or does not answer."""
    import asyncio

    from prompt2pic.bot.process import name_of

    async def ask() -> str:
        return await name_of(_telegram(settings), settings.telegram_api_url)

    return asyncio.run(ask())


def _telegram(settings: Settings) -> "Bot":
    if settings.telegram_token is None:
        raise Problem("bot-without-token")
    try:
        from prompt2pic.bot.calls import client
    except ModuleNotFoundError as error:
        if error.name != "aiogram":
            raise
        raise Problem("bot-package") from error
    return client(settings.telegram_token.get_secret_value(), settings.telegram_api_url)


def _words(settings: Settings) -> WordLists:
    from prompt2pic.edge.word_files import word_lists

    return word_lists(settings.blocked_words, settings.spoiler_words)


def targets(settings: Settings) -> Targets:
    """Return the seconds from request to picture that are aimed at."""
    return Targets(settings.target_seconds, settings.idle_target_seconds)


def base_url(settings: Settings) -> str:
    """Return the address that links begin with."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"
