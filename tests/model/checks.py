"""What must be true in every state, told independently of the code under test."""

from collections import Counter
from typing import Any, NamedTuple

from prompt2pic.core.events import (
    Cancelled,
    Claimed,
    Delivered,
    Erased,
    Event,
    Expired,
    Failed,
    Finished,
    Released,
)
from prompt2pic.core.jobs import Job
from tests.model.bounds import Bounds
from tests.model.logs import Logs, Violation, Written


class Standing(NamedTuple):
    """A job by the design's words: who holds it, where that attempt was last heard of, how it ended.

    `tried` attempts crashed, `stalled` ones were given up unbegun.
    """

    holder: str = ""
    token: int = -1
    last: int = -1
    started: bool = False
    tried: int = 0
    stalled: int = 0
    end: str = ""


class Checks:
    """The invariants of the log; `counts` says how often each was checked."""

    def __init__(self, logs: Logs, bounds: Bounds) -> None:
        self.counts: Counter[str] = Counter()
        self._logs = logs
        self._bounds = bounds
        self._standings: dict[int, tuple[Standing, ...]] = {0: (Standing(),) * bounds.jobs}
        self._done: set[Any] = set()

    def check(self, requests: int, results: int, lineages: set[int]) -> None:
        """Raise Violation where an invariant does not hold of this log, or of a reader of one of the lineages."""
        if (requests, results) not in self._done:
            self._done.add((requests, results))
            self._check_log(requests, results)
        for lineage in lineages - {0}:
            if (lineage, requests, results) not in self._done:
                self._done.add((lineage, requests, results))
                self._check_reader(lineage, requests, results)

    def _check_log(self, requests: int, results: int) -> None:
        view = self._logs.view(0, requests, results)
        _must(not view.fooled, "a late duplicate looks new")
        self._check_order(requests, results)
        standings = self._standing(requests, results)
        for job, standing in zip(view.jobs, standings, strict=True):
            if job is not None:
                self._check_job(job, standing)
        self._check_erased(requests, results)

    def _check_order(self, requests: int, results: int) -> None:
        """Check that what was read of the two topics, and not in which order, makes the ledger."""
        logs = self._logs
        self.counts["every reader of the same prefix agrees"] += 1
        for node in logs.requests.paths[requests][1:]:
            one = logs.ledger(0, node, results)
            other = logs.requests_last(node, results)
            _must(vars(one) == vars(other), "two readers of the same records, in another order, disagree")

    def _standing(self, requests: int, results: int) -> tuple[Standing, ...]:
        found = self._standings.get(results)
        if found is None:
            before = self._logs.results.paths[results][-2]
            found = self._standings[results] = self._stood(requests, before, results)
        return found

    def _stood(self, requests: int, before: int, results: int) -> tuple[Standing, ...]:
        standings = self._standing(requests, before)
        record: Written = self._logs.results.items[results]
        if isinstance(record.event, Erased):
            return standings
        number = self._logs.number(record.event)
        old, new = (self._logs.view(0, requests, node).jobs[number] for node in (before, results))
        counted = self._logs.view(0, requests, results).counted
        standing = standings[number]
        if counted:
            self._check_right(standing, record)
            standing = _followed(standing, self._logs.results.length(before), record)
        else:
            self._check_unchanged(standing, record, old, new)
        return (*standings[:number], standing, *standings[number + 1 :])

    def _check_right(self, standing: Standing, record: Written) -> None:
        """Check that a record that counted was to count."""
        event, kind = record.event, type(record.event).__name__.lower()
        if isinstance(event, Delivered):
            self.counts["only an end is delivered"] += 1
            _must(standing.end, "an open job counts as delivered")
            return
        self.counts["a job ends at most once and its end never changes"] += 1
        _must(not standing.end, f"a `{kind}` counts although the job has ended before")
        if isinstance(event, Claimed):
            self.counts["at most one holder"] += 1
            _must(not standing.holder, "a claim counts although another attempt holds the job")
        elif isinstance(event, Expired):
            self.counts["an expiry counts only if nothing came of its attempt since"] += 1
            fresh = (event.token.offset, event.last) == (standing.token, standing.last)
            _must(fresh, "an expiry counts although its attempt was heard of since")
        elif isinstance(event, Failed) and event.token is None:
            _must(not standing.holder, "a waiting job is given up although an attempt holds it")
        elif not isinstance(event, Cancelled):
            self.counts["what counts was written by the holder of the current token"] += 1
            _must(
                bool(record.attempt) and record.attempt == standing.holder,
                f"a `{kind}` counts that its holder did not write",
            )

    def _check_unchanged(self, standing: Standing, record: Written, old: Job | None, new: Job | None) -> None:
        """Check that a record that did not count changed nothing, and was not to count."""
        self.counts["whoever wakes changes nothing by stale records"] += 1
        _must(_told_apart(old) == _told_apart(new), "a record that does not count changes the job")
        event = record.event
        in_time = record.attempt == standing.holder != "" and not isinstance(event, Claimed)
        _must(standing.end or not in_time, "the holder's own record does not count")
        free = not standing.end and not standing.holder
        _must(not (free and isinstance(event, Claimed)), "the first claim of a waiting job does not count")
        _must(
            bool(standing.end) or not isinstance(event, Cancelled), "a cancel of an open job does not count"
        )

    def _check_job(self, job: Job, standing: Standing) -> None:
        self.counts["a job is what its records say"] += 1
        token = (job.token.attempt, job.token.offset, job.last) if job.token else ("", -1, -1)
        _must(
            token == (standing.holder, standing.token, standing.last),
            "a job has another holder than its records say",
        )
        _must((job.state if job.end else "") == standing.end, "a job's end is not the one that counted")
        tried = (job.attempts, job.stalls)
        _must(
            tried == (standing.tried, standing.stalled),
            "a job's attempts are not those that its records tell of",
        )
        self.counts["attempts never exceed their number"] += 1
        bounds = self._bounds
        _must(
            job.attempts <= bounds.max_attempts - (not job.end), "a job was tried more often than it may be"
        )
        _must(
            job.stalls <= bounds.max_stalls - (not job.end),
            "a job was given up unbegun more often than it may be",
        )

    def _check_erased(self, requests: int, results: int) -> None:
        self.counts["erased never resurrects"] += 1
        records = self._logs.results.records(results)
        ledger = self._logs.ledger(0, requests, results)
        for job in self._logs.view(0, requests, results).jobs:
            if job is not None and job.request is not None:
                hidden = any(_erases(record.event, job) for record in records)
                _must(ledger.hides(job) == hidden, "an erased job shows, or another does not")

    def _check_reader(self, lineage: int, requests: int, results: int) -> None:
        """Check that whoever started at a frontier, or moved it, has the same open jobs as one who read it all."""
        self.counts["a reader from a frontier agrees about every open job"] += 1
        _must(
            not self._logs.view(lineage, requests, results).fooled,
            "a late duplicate looks new after a frontier",
        )
        theirs, full = (self._logs.ledger(each, requests, results) for each in (lineage, 0))
        _must(theirs.jobs == full.jobs, "a reader that started at a frontier disagrees about an open job")
        for job in full.jobs.values():
            _must(theirs.hides(job) == full.hides(job), "an erased job shows after a frontier")


def _must(true: bool | str, otherwise: str) -> None:
    if not true:
        raise Violation(otherwise)


def _followed(before: Standing, offset: int, record: Written) -> Standing:
    event, nobody = record.event, before._replace(holder="", token=-1, last=-1, started=False)
    if isinstance(event, Delivered):
        return before
    if isinstance(event, Claimed):
        return before._replace(holder=event.attempt, token=offset, last=offset, started=False)
    if isinstance(event, Finished | Cancelled):
        return nobody._replace(end=type(event).__name__.lower())
    if isinstance(event, Released):
        return nobody
    if not isinstance(event, Failed | Expired):
        return before._replace(last=offset, started=True)
    if event.final:
        return nobody._replace(end="failed")
    begun = before.started or isinstance(event, Failed)
    return nobody._replace(tried=before.tried + begun, stalled=before.stalled + (not begun))


def _told_apart(job: Job | None) -> Any:
    # That a first event of it was seen is a note for the frontier, not a change of the job.
    return job and (
        job.state,
        job.token,
        job.last,
        job.attempts,
        job.stalls,
        job.started,
        job.progress,
        job.end,
    )


def _erases(event: Event, job: Job) -> bool:
    if not isinstance(event, Erased):
        return False
    return event.request == job.id if event.request else job.at < event.upto
