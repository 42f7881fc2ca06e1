"""What every worker does beside painting: heartbeat, expiries, the frontier, sweeping, dead letters."""

import threading
import time
from collections.abc import Callable

import structlog

from prompt2pic.core import decide
from prompt2pic.core.clock import PATIENCE, SteadyClock
from prompt2pic.core.dispatch import rank
from prompt2pic.core.errors import AppendUnknown, LogUnavailable, Problem
from prompt2pic.core.events import Event, Failed, Token, encode_event
from prompt2pic.core.jobs import Job
from prompt2pic.core.lease import Watch
from prompt2pic.core.ports import Log, Model, PictureStore, Place
from prompt2pic.core.quality import Targets
from prompt2pic.core.queue import RESULTS
from prompt2pic.core.reader import DEAD_LETTERS, WORKERS, Reader, now_ms, write_letter
from prompt2pic.core.workers import HEARTBEAT, WorkerState, encode_worker
from prompt2pic.ops.metrics import Metrics
from prompt2pic.worker.sweeper import sweep

_TOO_OLD_PERIOD = 60.0  # seconds between two looks for requests past the maximum age
_FRONTIER_PERIOD = 3600.0  # seconds between two commits of the frontier
_SWEEP_PERIOD = 3600.0  # seconds between two sweeps of the store
_RETIRE_PERIOD = 3600.0  # seconds between two looks for records that the log need not keep
_FIRST = PATIENCE  # seconds after the start before the first of these: the clock may be wrong just then
_PATIENCE = 0.5  # seconds a reader leaves an expiry to each reader ranked before it
_TICK = 0.5  # seconds between two looks at leases and delays, while there are some
_LOOK = 0.25  # seconds between two looks at leases at the least: a look at each record would cost more than its fold

_log = structlog.get_logger(__name__)


class Upkeep:
    """Keeps the log's projection true over time on behalf of one worker."""

    def __init__(
        self,
        name: str,
        log: Log,
        store: PictureStore,
        metrics: Metrics,
        max_attempts: int,
        targets: Targets,
        keep_ms: int,
        budget: int | None,
        retire: Callable[[int], int] | None = None,
    ) -> None:
        self.me: WorkerState | None = None
        self.clock = SteadyClock(now_ms)
        self._name = name
        self._log = log
        self._store = store
        self._metrics = metrics
        self._max_attempts = max_attempts
        self._targets = targets
        self._keep_ms, self._budget = keep_ms, budget
        self._retire = retire
        self._silence = 0.0
        self._expired: set[tuple[str, int]] = set()
        self._left_behind: list[tuple[Job, Token | None]] | None = None
        begin = time.monotonic() + _FIRST
        self._next = dict.fromkeys(("too_old", "frontier", "sweep", "retire"), begin) | {
            "heartbeat": 0.0,
            "leases": 0.0,
        }

    def follow(self, reader: Reader) -> None:
        """Watch a reader's new queue."""
        self._reader = reader
        self._watch = Watch()
        reader.queue.listeners.append(lambda job, event: self._watch.heard(job))

    def appear(self, model: Model, seconds: dict[str, float], silence: float) -> WorkerState:
        """Tell everybody that this worker has its model loaded; return what is told."""
        self._silence = max(self._silence, silence)
        self.me = WorkerState(
            name=self._name, state="ready", model=model, seconds=seconds, silence=round(self._silence, 1)
        )
        self._tell(self.me)
        return self.me

    def live(self) -> list[WorkerState]:
        """Return the live workers, this one always among them."""
        others = [worker for worker in self._reader.crew.live(now_ms()) if worker.name != self._name]
        return [*others, self.me] if self.me else others

    def note_silence(self, seconds: float) -> None:
        """Note how long the painter gave no sign within an attempt."""
        self._silence = max(self._silence, seconds)

    def fetched(self) -> None:
        """Note that the log was read up to its end just now."""
        if self._reader.ready:
            self._watch.tick(time.monotonic())

    def pause(self) -> float:
        """Return for how many seconds an idle worker may wait for records."""
        waiting = len(self._reader.queue.turns) or self._watch.watched()
        beat = self._next["heartbeat"] - time.monotonic()
        return max(0.0, min(_TICK if waiting else HEARTBEAT, beat))

    def act(self, *, idle: bool) -> None:
        """Do what is due."""
        if not self._reader.ready:
            return
        self.clock.now()  # to notice a jump it must be looked at while nothing happens, too
        try:
            self._succeed()
            if self._due("leases", _LOOK):
                self._expire()
            self._fail_too_old()
            self._beat()
            self._commit_frontier()
        except (AppendUnknown, LogUnavailable) as problem:
            self._metrics.trouble(problem)
            _log.warning("log-unavailable", problem=str(problem))
        if idle and self._due("sweep", _SWEEP_PERIOD):
            now = self.clock.now()
            threading.Thread(target=self._sweep, args=(now,), daemon=True, name="sweep").start()
        if self._retire is not None and self._due("retire", _RETIRE_PERIOD):
            forget = (self._retire, self.clock.now())
            threading.Thread(target=self._forget, args=forget, daemon=True, name="retire").start()

    def ended(self, job: Job, event: Event) -> None:
        """Keep a dead letter where an attempt's end gave the job up."""
        if isinstance(event, Failed) and event.final:
            self._bury(job, event.reason)

    def leave(self) -> None:
        """Tell everybody that this worker is gone."""
        if self.me is None:
            return
        gone = WorkerState(name=self._name, state="gone", model=self.me.model, seconds=self.me.seconds)
        try:
            self._tell(gone)
        except (AppendUnknown, LogUnavailable) as problem:
            _log.warning("log-unavailable", problem=str(problem))

    def _due(self, what: str, period: float) -> bool:
        now = time.monotonic()
        if now < self._next[what]:
            return False
        self._next[what] = now + period
        return True

    def _beat(self) -> None:
        if self.me is not None and self._due("heartbeat", HEARTBEAT):
            self.appear(self.me.model, self.me.seconds, self._silence)
            self._metrics.look_at(self._reader, now_ms(), self._targets)

    def _tell(self, worker: WorkerState) -> None:
        self._log.append(Place(WORKERS, 0), worker.name, encode_worker(worker))
        self._next["heartbeat"] = time.monotonic() + HEARTBEAT

    def _succeed(self) -> None:
        """Expire what a process of this name held when this one started: it is gone, and need not be waited for."""
        if self._left_behind is None:
            held = self._reader.queue.held()
            self._left_behind = [
                (job, job.token) for job in held if job.claim and job.claim.worker == self._name
            ]
        while self._left_behind:
            job, token = self._left_behind[-1]
            if job.token == token:
                self._expire_one(job)
            self._left_behind.pop()

    def _expire(self) -> None:
        queue = self._reader.queue
        watched = [job for request in self._watch.watched() if (job := queue.job(request)) is not None]
        silent = [job for job in watched if self._watch.expired(job)]
        if not silent:  # as nearly always: a rank among thousands of workers is not asked for at each record
            return
        patience = _PATIENCE * rank(self._name, [worker.name for worker in self.live()])
        for job in silent:
            if self._watch.expired(job, patience):
                self._expire_one(job)

    def _expire_one(self, job: Job) -> None:
        if (job.id, job.last) in self._expired:
            return
        event = decide.expiry(job, self._max_attempts)
        self._append(job, event)
        self._expired.add((job.id, job.last))  # only now: what could not be written is tried again
        self._metrics.expiries.inc()
        _log.warning("lease-expired", request=job.id, worker=job.claim.worker if job.claim else "")
        if event.final:
            self._metrics.requests["failed"].inc()
            self._bury(job, "lease-expired")

    def _fail_too_old(self) -> None:
        if not self._due("too_old", _TOO_OLD_PERIOD):
            return
        now = self.clock.now()
        self._reader.queue.put_right(now)
        for job in [job for job in self._reader.queue.open_jobs() if job.state == "waiting"]:
            if decide.too_old(job, now):
                self._append(job, decide.refusal(job, "waited-too-long"))
                self._metrics.requests["failed"].inc()
                self._bury(job, "waited-too-long")

    def _append(self, job: Job, event: Event) -> None:
        self._log.append(Place(RESULTS, job.partition), job.id, encode_event(event))

    def _bury(self, job: Job, reason: str) -> None:
        letter: dict[str, str | int] = {"request": job.id, "reason": reason, "attempts": job.attempts + 1}
        if job.request is not None:
            letter["person"] = job.request.person
        try:
            write_letter(self._log, Place(DEAD_LETTERS, 0), letter)
        except (AppendUnknown, LogUnavailable) as problem:
            _log.warning("letter-not-written", request=job.id, problem=str(problem))
        self._metrics.dead_letters.inc()

    def _commit_frontier(self) -> None:
        if self._due("frontier", _FRONTIER_PERIOD):
            self._reader.commit_frontier(self.clock.now())

    def _forget(self, retire: Callable[[int], int], now: int) -> None:
        try:
            _log.info("retired", records=retire(now))
        except Problem as problem:
            _log.warning("not-retired", problem=str(problem))

    def _sweep(self, now: int) -> None:
        try:
            swept = sweep(self._log, self._store, now, self._keep_ms, self._budget)
            _log.info("swept", pictures=swept)
        except Problem as problem:
            _log.warning("not-swept", problem=str(problem))
