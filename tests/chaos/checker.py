"""Judges a history: who held what when, by the ledger and by each worker's own word; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prompt2pic.core.events import (
    Cancelled,
    Claimed,
    Delivered,
    Expired,
    Failed,
    Finished,
    JobEvent,
    Progressed,
    Released,
    Started,
    Token,
)
from tests.chaos.history import Absence, Belief, Entry, History

BOUND = (
    8000.0  # ms in which a worker that is not away lets go of what it lost; the shortest lease is twice that
)
_OF_AN_ATTEMPT = (Started, Progressed, Released, Failed, Expired, Finished)
_GIVES_BACK = (Released, Failed, Expired)
_ENDS = (Finished, Failed, Expired, Cancelled)


def violations(history: History, bound: float = BOUND) -> list[str]:
    """Return what is wrong, each in a sentence; nothing where all is well."""
    entries, beliefs = history.entries, history.beliefs
    return [
        *overlapping(entries),
        *strangers(entries),
        *unfounded(beliefs, entries),
        *clinging(history, bound),
        *wrong_ends(entries),
        *unheard_of(beliefs, entries),
        *unended(history.accepted, entries),
    ]


def overlapping(entries: Iterable[Entry]) -> Iterator[str]:
    """Two attempts of a job never count at the same time."""
    holders: dict[str, Claimed] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, Claimed):
            holder = holders.get(event.request)
            if holder is not None:
                yield (
                    f"{event.request} was held by {holder.worker} with attempt {holder.attempt} when the claim of"
                    f" {event.worker} with attempt {event.attempt} counted, too, at {_where(entry)}"
                )
            holders[event.request] = event
        elif isinstance(event, (*_GIVES_BACK, *_ENDS)):
            holders.pop(event.request, None)


def strangers(entries: Iterable[Entry]) -> Iterator[str]:
    """What counts as an attempt's record is a record of the attempt that holds the job then."""
    holders: dict[str, Token] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, Claimed):
            holders[event.request] = Token(entry.offset, event.attempt)
        elif isinstance(event, _OF_AN_ATTEMPT):
            holder = holders.get(event.request)
            if event.token != holder:
                yield (
                    f"{_name(event)} of {event.request} at {_where(entry)} is of attempt {_attempt(event.token)},"
                    f" but attempt {_attempt(holder)} held the job"
                )
        if isinstance(event, (*_GIVES_BACK, *_ENDS)):
            holders.pop(event.request, None)


def unfounded(beliefs: Iterable[Belief], entries: Iterable[Entry]) -> Iterator[str]:
    """Nobody believes to hold an attempt whose claim did not count, nor before that claim was in the log."""
    claims = {e.event.attempt: e for e in entries if isinstance(e.event, Claimed)}
    for belief in beliefs:
        claim = claims.get(belief.attempt)
        said = f"{belief.worker} believed to hold {belief.request} with attempt {belief.attempt}"
        if claim is None or claim.event.request != belief.request:
            yield f"{said}, whose claim did not count"
        elif claim.offset != belief.token:
            yield f"{said} by the token {belief.token}, but its claim is at {_where(claim)}"
        elif belief.since < claim.when:
            yield f"{said} {claim.when - belief.since:.0f} ms before its claim was in the log"


def clinging(history: History, bound: float) -> Iterator[str]:
    """A worker that is not away lets go of an attempt within `bound` ms of its loss."""
    losses = dict(_losses(history.entries))
    for belief in history.beliefs:
        lost = losses.get(belief.attempt)
        until = _until(belief, history)
        if lost is None or until <= lost:
            continue
        late = until - lost - _away(history.absences, belief.worker, lost, until)
        if late > bound:
            yield (
                f"{belief.worker} went on to believe for {late / 1000:.1f} s that it held {belief.request} with"
                f" attempt {belief.attempt}, which it had lost"
            )


def wrong_ends(entries: Iterable[Entry]) -> Iterator[str]:
    """Each job ends once, with the pictures of the attempt that ends it, and is delivered once where it is to be."""
    ends: dict[str, JobEvent] = {}
    delivered: Counter[str] = Counter()
    for entry in entries:
        event = entry.event
        if isinstance(event, _ENDS) and getattr(event, "final", True):
            if event.request in ends:
                first = _name(ends[event.request])
                yield f"{event.request} ended twice: {first}, and {_name(event)} at {_where(entry)}"
            ends[event.request] = event
            if isinstance(event, Finished):
                yield from _foreign_pictures(event)
        delivered[event.request] += isinstance(event, Delivered)
    for request, end in ends.items():
        wanted = int(getattr(end, "notify", False))
        if delivered[request] != wanted:
            yield f"{request} was to be delivered {wanted} times, and was {delivered[request]} times"


def unheard_of(beliefs: Iterable[Belief], entries: Iterable[Entry]) -> Iterator[str]:
    """Whoever finished a job had believed to hold it."""
    since = {belief.attempt: belief.since for belief in beliefs}
    for entry in entries:
        event = entry.event
        if isinstance(event, Finished) and since.get(event.token.attempt, float("inf")) > entry.when + 1:
            yield f"nobody believed to hold {event.request} with attempt {event.token.attempt}, which finished it"


def unended(accepted: Iterable[str], entries: Iterable[Entry]) -> Iterator[str]:
    """Every request that was accepted ends."""
    over = {
        e.event.request for e in entries if isinstance(e.event, _ENDS) and getattr(e.event, "final", True)
    }
    yield from (f"{request} was accepted and did not end" for request in sorted(set(accepted) - over))


def _foreign_pictures(event: Finished) -> Iterator[str]:
    for picture in event.pictures:
        if not picture.key.startswith(f"{event.request}/{event.token.attempt}/"):
            yield f"{event.request} was finished by attempt {event.token.attempt} with the picture {picture.key}"


def _losses(entries: Iterable[Entry]) -> Iterator[tuple[str, int]]:
    """Yield each attempt with when (ms) it ceased to hold its job."""
    holders: dict[str, str] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, Claimed):
            holders[event.request] = event.attempt
        elif isinstance(event, (*_GIVES_BACK, *_ENDS)) and event.request in holders:
            yield holders.pop(event.request), entry.when


def _until(belief: Belief, history: History) -> float:
    if belief.until is not None:
        return belief.until
    deaths = [
        absence.since
        for absence in history.absences
        if absence.killed and absence.worker == belief.worker and absence.since >= belief.since
    ]
    return min(deaths, default=history.end)


def _away(absences: Iterable[Absence], worker: str, since: float, until: float) -> float:
    """Return for how many ms between two times a worker was away."""
    spans = sorted(
        (max(since, absence.since), min(until, absence.until))
        for absence in absences
        if absence.worker in ("", worker)
    )
    away, reached = 0.0, since
    for begin, end in spans:
        if end > max(begin, reached):
            away += end - max(begin, reached)
            reached = end
    return away


def _where(entry: Entry) -> str:
    return f"{entry.partition}/{entry.offset}"


def _name(event: JobEvent) -> str:
    return type(event).__name__.lower()


def _attempt(token: Token | None) -> str:
    return token.attempt if token else "none"
