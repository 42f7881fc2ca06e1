"""From a message, or a press of a button, to a request in the log."""

import msgspec

from prompt2pic.bot.addresses import Address, to_reply
from prompt2pic.bot.context import Asking, Context
from prompt2pic.core import options
from prompt2pic.core.asks import Ask
from prompt2pic.core.errors import Refused
from prompt2pic.core.intake import check_age
from prompt2pic.core.jobs import Job
from prompt2pic.core.requests import Request
from prompt2pic.edge.submit import KeyReused

VARIATION = 0.25  # how far variations go from their picture
VARIATIONS = 4


async def ask_in_words(context: Context, who: Asking, text: str, source: str, sent: int) -> None:
    """Take a prompt with its options; `source` names the message, `sent` is when it was (ms).

    What is wrong with it is told to the person. Raises LogUnavailable, AppendUnknown: nobody was told of anything.
    """
    try:
        check_age(sent, context.hub.now())
        await _take(context, who, _with(options.parse(text), who), source)
    except KeyReused:
        return  # the message came again, and preferences were changed between
    except Refused as refused:
        context.tell(who, f"refused {refused.key}", who.texts.sentence(refused))


async def ask_again(context: Context, who: Asking, job: Job, change: str, source: str) -> Job:
    """Take the request of a button under a picture. Raises Refused, LogUnavailable, AppendUnknown."""
    assert job.request is not None, "history holds jobs with their request"  # noqa: S101
    return await _take(context, who, _changed(job.request, change), source)


async def _take(context: Context, who: Asking, ask: Ask, source: str) -> Job:
    job, new = await context.submitter.submit(who.person, ask, source, to_reply(who.to))
    assert job.request is not None, "it was just read back"  # noqa: S101
    if new and ask.level == "best" and job.request.level != "best":
        context.tell(who, "best-used", who.texts.say("bot-best-used", limit=context.limits.best))
    return job


def _with(ask: Ask, who: Asking) -> Ask:
    """Return the ask with what the person prefers where they said nothing."""
    prefers, changes = who.preferences, dict[str, object]()
    if ask.level == "auto":
        changes["level"] = prefers.level
    if not ask.negative:
        changes["negative"] = prefers.negative
    if ask.width is None and ask.aspect is None:
        changes.update(width=prefers.width, height=prefers.height)
    return msgspec.structs.replace(ask, **changes)


def _changed(request: Request, change: str) -> Ask:
    """Return what a button asks for: the same `again`, `variations` of it, or its `best`."""
    same = Ask(
        prompt=request.prompt,
        negative=request.negative,
        model=request.model,
        width=request.width,
        height=request.height,
        count=request.count,
        level=request.level,
    )
    if change == "again":
        return same
    if change == "variations":
        return msgspec.structs.replace(same, seed=request.seed, strength=VARIATION, count=VARIATIONS)
    return msgspec.structs.replace(same, seed=request.seed, strength=request.strength, level="best")


def message_source(to: Address) -> str:
    """Return what names a message, so that one that comes twice is one request."""
    return f"message {to.chat} {to.message}"
