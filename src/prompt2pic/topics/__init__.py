"""`prompt2pic topics`: what the log in Kafka needs is made and checked."""

from collections.abc import Iterator
from pathlib import Path

from prompt2pic.settings import Settings
from prompt2pic.texts import Texts
from prompt2pic.topics.keeping import Asked, keep
from prompt2pic.topics.principals import read_principals
from prompt2pic.topics.telling import Account, as_json, as_lines
from prompt2pic.wiring import build_keeper

__all__ = ["Asked", "topics"]


def topics(settings: Settings, asked: Asked, acl: Path | None, *, json: bool) -> tuple[bool, Iterator[str]]:
    """Do what is asked for; return whether all is as it should be now, and what to print. Raises Problem."""
    texts = Texts(settings.language)
    if settings.log_file() is not None:
        return True, iter(["{}" if json else texts.say("topics-none", log=settings.log)])
    principals = read_principals(acl) if acl else {}
    keeper = build_keeper(settings)
    outcome = keep(settings, keeper, asked)
    lacking = keeper.lacking(principals) if principals else []
    if lacking and not asked.check:
        keeper.grant(lacking)
    account = Account(outcome, lacking, not asked.check, keeper.servers, keeper.prefix)
    return account.fine, iter([as_json(account)]) if json else as_lines(account, texts)
