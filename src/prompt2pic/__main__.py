"""The command line: run, bot, web, worker, paint, doctor, queue, drain, topics."""

import argparse
import sys
from pathlib import Path

from prompt2pic import __version__
from prompt2pic.core.asks import kind_of_level
from prompt2pic.core.errors import Problem
from prompt2pic.core.options import size
from prompt2pic.ops.linger import forget, linger
from prompt2pic.ops.logs import configure_logs
from prompt2pic.ops.supervisor import WRONG_SETTING
from prompt2pic.settings import Settings, load_settings
from prompt2pic.texts import sentence

_EXAMPLES = """examples:
  prompt2pic run                                 page and one worker on this machine
  prompt2pic run --data ~/pictures --workers 2   elsewhere, two at a time
  prompt2pic paint "Закат над океаном" -o sunset.png --seed 1
  prompt2pic doctor                              is everything as it should be?
  prompt2pic queue show 5b54                     what happened to a request, in plain words
  prompt2pic topics --check                      are the topics in Kafka as they should be?

Settings come from PROMPT2PIC_... variables or a .env file: see docs/settings.md."""

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: `run` starts a process again that ends with it
_SERVICES = {"bot", "web", "worker"}
_MOST = 1000  # partitions, or brokers
_PASSING = {"log-file-locked", "log-disk-full", "log-failed", "log-kafka-away", "unexpected"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: with one sentence 2 where something is wrong, 75 for a while."""
    asked = _parser().parse_args(arguments)
    language = "en"
    lingers = asked.linger > 0 and asked.command in _SERVICES
    if lingers:
        forget()
    try:
        settings = _settings(asked)
        language = settings.language
        configure_logs(settings.log_level, settings.log_format, settings.hidden())
        return _dispatch(asked, settings)
    except Problem as problem:
        why = sentence(problem, language)
        sys.stderr.write(f"prompt2pic: {why}\n")
        if lingers:
            linger(why, asked.linger)
        return TRY_AGAIN if problem.key in _PASSING else WRONG_SETTING
    except KeyboardInterrupt:
        return 130


def _dispatch(asked: argparse.Namespace, settings: Settings) -> int:
    from prompt2pic import commands

    match asked.command:
        case "run":
            return commands.run(settings, settings.workers)
        case "worker":
            return commands.worker(settings, attached=asked.attached)
        case "web":
            return commands.web(settings, attached=asked.attached)
        case "bot":
            return commands.bot(settings, attached=asked.attached)
        case "paint":
            return commands.paint(settings, asked.prompt, asked.out, _changes(asked))
        case "queue" | "drain":
            return _operate(asked, settings)
        case "topics":
            return _topics(asked, settings)
        case _:
            return _doctor(settings, asked.role)


def _operate(asked: argparse.Namespace, settings: Settings) -> int:
    from prompt2pic import operators

    match getattr(asked, "what", None):
        case "show":
            lines = operators.show_lines(settings, asked.id, json=asked.json)
        case "retry":
            lines = iter([operators.retry(settings, asked.id)])
        case "drop":
            lines = iter([operators.drop(settings, asked.id)])
        case None if asked.command == "drain":
            lines = iter([operators.drain(settings, on=not asked.off)])
        case _:
            lines = operators.queue_lines(settings, json=asked.json)
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return 0


def _topics(asked: argparse.Namespace, settings: Settings) -> int:
    from prompt2pic.topics import Asked, topics

    wanted = Asked(asked.partitions, asked.replication, check=asked.check, fix=asked.fix)
    fine, lines = topics(settings, wanted, asked.acl, json=asked.json)
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return 0 if fine else 1


def _doctor(settings: Settings, role: str | None) -> int:
    from prompt2pic.doctor import examine

    well = True
    for fine, line in examine(settings, role):
        sys.stdout.write(f"{'✓' if fine else '✗'} {line}\n")
        sys.stdout.flush()
        well = well and fine
    return 0 if well else 2


def _settings(asked: argparse.Namespace) -> Settings:
    return load_settings(
        data=asked.data,
        port=getattr(asked, "port", None),
        workers=getattr(asked, "workers", None),
        worker_name=getattr(asked, "name", None),
        language=asked.language,
    )


def _changes(asked: argparse.Namespace) -> dict[str, object]:
    width, height = size(asked.size) if asked.size else (None, None)
    return {
        "negative": asked.negative,
        "width": width,
        "height": height,
        "count": asked.n,
        "seed": asked.seed,
        "level": kind_of_level(asked.level) if asked.level else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="prompt2pic",
        description="Pictures from words, painted by Würstchen.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--linger", type=float, default=0.0, help=argparse.SUPPRESS
    )  # seconds, for containers
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _run_parser(commands)
    _process_parsers(commands)
    _paint_parser(commands)
    doctor = _command(commands, "doctor", "check settings, log, store, model and port, one line each")
    doctor.add_argument("--role", choices=("bot", "web", "worker"), help="whose rights in Kafka to check")
    _operators_parsers(commands)
    _topics_parser(commands)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=what)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of log, pictures and secret")
    parser.add_argument("--language", choices=("en", "ru"), help="language of what is printed")
    return parser


def _run_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "run", "page and workers on this machine, until Ctrl-C")
    parser.add_argument("--port", type=int, help="port of the page; 0 takes a free one")
    parser.add_argument("--workers", type=int, help="how many workers")


def _process_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    web = _command(commands, "web", "the page and the HTTP API alone")
    web.add_argument("--port", type=int, help="port of the page; 0 takes a free one")
    worker = _command(commands, "worker", "one worker alone")
    worker.add_argument("--name", help="name of this worker; every worker needs its own")
    bot = _command(commands, "bot", "the Telegram bot alone")
    for parser in (web, worker, bot):
        parser.add_argument("--attached", action="store_true", help=argparse.SUPPRESS)


def _paint_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "paint", "paint one picture here and now, without a queue")
    parser.add_argument("prompt", help="what to paint; options such as --ar 16:9 may stand at its end")
    parser.add_argument("-o", "--out", type=Path, default=Path("picture.png"), help="the PNG to write")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--size", metavar="WxH")
    parser.add_argument("--negative", metavar="WORDS")
    parser.add_argument("--level", metavar="fast|balanced|best")
    parser.add_argument("-n", type=int, metavar="COUNT", help="how many pictures")


def _operators_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    queue = _command(commands, "queue", "the queue; one job's history; retry or drop one")
    queue.add_argument("what", nargs="?", choices=("show", "retry", "drop"), help="what to do with one job")
    queue.add_argument("id", nargs="?", default="", help="the job's id or the beginning of it")
    queue.add_argument("--json", action="store_true", help="for programs")
    drain = _command(
        commands, "drain", "workers end what they have and take no more; the intake says so kindly"
    )
    drain.add_argument("--off", action="store_true", help="take requests again")


def _topics_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "topics", "make and check the topics of a log in Kafka")
    parser.add_argument(
        "--partitions", type=_number, metavar="N", help="of requests and results; can only grow"
    )
    parser.add_argument("--replication", type=_number, metavar="N", help="brokers that keep each record")
    parser.add_argument("--acl", type=Path, metavar="FILE", help="give each role's users their rights")
    changing = parser.add_mutually_exclusive_group()
    changing.add_argument("--check", action="store_true", help="change nothing; 1 where something differs")
    changing.add_argument("--fix", action="store_true", help="change settings that differ, too")
    parser.add_argument("--json", action="store_true", help="for programs")


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MOST}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
