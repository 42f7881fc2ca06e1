"""Checks everything that a start needs, one line each, with what to do."""

from collections.abc import Iterator

from prompt2pic.commands import free_port
from prompt2pic.core.ports import Commit, Model, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.doctor_kafka import examine_kafka, told
from prompt2pic.settings import Settings, make_folder, variable
from prompt2pic.texts import Texts
from prompt2pic.wiring import bot_name, build_bare_painter, build_log, build_store, build_translator


def examine(settings: Settings, role: str | None = None) -> Iterator[tuple[bool, str]]:
    """Yield for each check whether all is well, and a line that says what was found or what to do.

    `role` is the process whose rights in Kafka are looked at, None for any.
    """
    texts = Texts(settings.language)
    yield told(texts, lambda: _settings(settings, texts))
    if settings.log_file() is None:
        yield from examine_kafka(settings, texts, role)
    else:
        yield told(texts, lambda: _log(settings, texts))
    models: list[Model] = []
    yield told(texts, lambda: _store(settings, texts))
    yield told(texts, lambda: _model(settings, texts, models))
    if models:
        yield told(texts, lambda: _translator(settings, texts, models[0]))
    for check in (_page, _token):
        yield told(texts, lambda check=check: check(settings, texts))  # type: ignore[misc]


def _settings(settings: Settings, texts: Texts) -> str:
    make_folder(settings.data)
    settings.signing_secret()
    return texts.say("doctor-settings", folder=str(settings.data))


def _log(settings: Settings, texts: Texts) -> str:
    log = build_log(settings)
    try:
        log.commit("prompt2pic-doctor", {Place(REQUESTS, 0): Commit(0)})
        records = sum(end - start for start, end in map(log.bounds, (Place(REQUESTS, 0), Place(RESULTS, 0))))
    finally:
        log.close()
    return texts.say("doctor-log", log=settings.log, records=records)


def _store(settings: Settings, texts: Texts) -> str:
    build_store(settings).check()
    return texts.say("doctor-store", store=settings.store)


def _model(settings: Settings, texts: Texts, models: list[Model]) -> str:
    painter = build_bare_painter(settings)()
    model = painter.load(lambda fraction, what: None)
    seconds = painter.estimate()
    painter.unload()
    models.append(model)
    speeds = ", ".join(f"{level} {seconds[level]:.1f}" for level in seconds)
    said = texts.say("doctor-model", model=model.name, device=model.device, seconds=speeds)
    return f"{said} {texts.say('doctor-revision', revision=model.revision)}" if model.revision else said


def _translator(settings: Settings, texts: Texts, model: Model) -> str:
    if settings.translator == "none":
        return texts.say("doctor-translator-none", setting=variable("translator"))
    languages = model.languages
    if languages == ("en",):
        translator = build_translator(settings)
        languages += translator.load(lambda fraction, what: None)
        translator.unload()
    return texts.say("doctor-translator", languages=", ".join(languages))


def _page(settings: Settings, texts: Texts) -> str:
    settings.refuse_open_door()
    free_port(settings.host, settings.port)
    page = texts.say("doctor-page", address=f"http://{settings.host}:{settings.port}")
    if not settings.metrics_port:
        return page
    free_port(settings.host, settings.metrics_port, "metrics_port")
    return f"{page} {texts.say('doctor-metrics', port=str(settings.metrics_port))}"


def _token(settings: Settings, texts: Texts) -> str:
    if settings.telegram_token is None:
        return texts.say("bot-left-out", setting=variable("telegram_token"))
    return texts.say("doctor-token", name=bot_name(settings))
