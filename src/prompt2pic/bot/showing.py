"""What a job looks like in a chat: words, caption, buttons."""

from base64 import b64decode

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from prompt2pic.core.errors import Problem
from prompt2pic.core.events import Failed, Finished
from prompt2pic.core.forecast import Wait
from prompt2pic.core.jobs import Job
from prompt2pic.core.unread import unread
from prompt2pic.texts import Texts

CAPTION = 1024  # characters of a caption (Bot API, sendPhoto), here as UTF-16 counts them
BAR = 12  # marks of the bar
CANCEL, AGAIN, VARIATIONS, BEST, ORIGINAL = "x", "a", "v", "b", "o"  # verbs of buttons, before a job's id


def status(job: Job, wait: Wait | None, left: float, texts: Texts) -> str:
    """Return the words of a job that has not ended: its place and wait, or how far the painter is.

    `left` is the predicted rest, in seconds, of one that is held.
    """
    lines = [texts.say("bot-processing")]
    if job.state == "waiting" and wait is not None:
        lines.append(_place(wait, texts))
    elif job.progress is not None:
        lines += _progress(job, left, texts)
    return "\n".join(lines)


def preview(job: Job) -> bytes | None:
    """Return the tiny JPEG of what is being painted, None where there is none now."""
    return b64decode(job.progress.preview) if job.progress is not None and job.progress.preview else None


def ended(job: Job, texts: Texts) -> str:
    """Return the words of a job that ended without pictures."""
    if job.state == "cancelled":
        return texts.say("bot-cancelled")
    reason = job.end.reason if isinstance(job.end, Failed) else "lease-expired"
    return f"{texts.say('bot-failed')}\n{texts.sentence(Problem(reason))}"


def caption(job: Job, texts: Texts) -> str:
    """Return the words under a picture: the prompt, cut where it is too long, and the facts."""
    assert isinstance(job.end, Finished), "only a finished job has pictures"  # noqa: S101
    facts = "\n\n" + _facts(job, job.end, texts)
    if job.end.lowered:
        facts += f"\n{texts.say('bot-lowered')}"
    if job.request:
        for key, words in unread(job.request, job.end.read, job.end.negative_read):
            facts += f"\n{texts.say(key, count=words)}"
    return _cut(job.request.prompt if job.request else "", CAPTION - _length(facts)) + facts


def under_status(job: Job, texts: Texts) -> InlineKeyboardMarkup:
    """Return the button under a job that has not ended."""
    return InlineKeyboardMarkup(inline_keyboard=[[_button("cancel", CANCEL, job, texts)]])


def under_ended(job: Job, texts: Texts) -> InlineKeyboardMarkup | None:
    """Return the button under a job that ended without pictures; a cancelled one was not wanted."""
    if job.state == "cancelled":
        return None
    return InlineKeyboardMarkup(inline_keyboard=[[_button("again", AGAIN, job, texts)]])


def under_picture(job: Job, link: str | None, texts: Texts) -> InlineKeyboardMarkup:
    """Return the buttons under a picture; `link` is its public address, where it has one."""
    assert isinstance(job.end, Finished), "only a finished job has pictures"  # noqa: S101
    rows = [[_button("again", AGAIN, job, texts), _button("variations", VARIATIONS, job, texts)]]
    if job.end.level != "best":
        rows.append([_button("best", BEST, job, texts)])
    rows.append([_button("original", ORIGINAL, job, texts)])
    if link:
        rows[-1].append(InlineKeyboardButton(text=texts.say("bot-button-link"), url=link))
    return InlineKeyboardMarkup(inline_keyboard=rows)


def to_cancel(jobs: list[Job], texts: Texts) -> InlineKeyboardMarkup:
    """Return a button a job that cancels it."""
    labels = [texts.say("bot-button-cancel-one", prompt=brief(job, 24)) for job in jobs]
    rows = [
        [InlineKeyboardButton(text=label, callback_data=f"{CANCEL}:{job.id}")]
        for label, job in zip(labels, jobs, strict=True)
    ]
    return InlineKeyboardMarkup(inline_keyboard=rows)


def brief(job: Job, characters: int = 40) -> str:
    """Return the beginning of a job's prompt."""
    return _cut(job.request.prompt if job.request else "", characters)


def duration(seconds: float, texts: Texts) -> str:
    """Return a time as one says it: seconds in fives, minutes, hours."""
    if seconds < 55:
        return texts.say("bot-seconds", count=max(5, 5 * round(seconds / 5)))
    if seconds < 55 * 60:
        return texts.say("bot-minutes", count=round(seconds / 60))
    return texts.say("bot-hours", count=round(seconds / 3600))


def _place(wait: Wait, texts: Texts) -> str:
    place = texts.say("bot-place", place=wait.place)
    if wait.latest is None:
        return place
    return f"{place}, {texts.say('bot-wait', time=duration(max(wait.soonest or 0, wait.latest), texts))}"


def _progress(job: Job, left: float, texts: Texts) -> list[str]:
    progress = job.progress
    assert progress is not None, "it is told only where there is some"  # noqa: S101
    done = round(progress.fraction * BAR)
    line = (
        f"{'▓' * done}{'░' * (BAR - done)} {texts.say('bot-percent', percent=round(100 * progress.fraction))}"
    )
    step = texts.say("bot-step", step=progress.step, steps=progress.steps)
    return [line, f"{step}, {texts.say('bot-left', count=max(1, round(left)))}"]


def _facts(job: Job, end: Finished, texts: Texts) -> str:
    first = end.pictures[0]
    facts = [
        texts.say("bot-seed", seed=str(first.seed)),
        f"{first.width}×{first.height}",
        texts.say("bot-level", level=end.level),
        texts.say("bot-painted", seconds=_rounded(end.seconds)),
        texts.say("bot-waited", seconds=_rounded(max(0, job.claimed - job.requested) / 1000)),
    ]
    return " · ".join(facts)


def _rounded(seconds: float) -> float:
    return round(seconds, 1) if seconds < 10 else round(seconds)


def _button(name: str, verb: str, job: Job, texts: Texts) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=texts.say(f"bot-button-{name}"), callback_data=f"{verb}:{job.id}")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> str:
    if _length(text) <= most:
        return text
    return text.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore").rstrip() + "…"
