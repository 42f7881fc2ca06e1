"""The worker: one thread that folds the log, decides, and writes what it decided."""

import queue
import time
from collections.abc import Callable

import msgspec
import structlog

from prompt2pic.core import decide
from prompt2pic.core.dispatch import candidates, pick, rank
from prompt2pic.core.errors import AppendUnknown, LogUnavailable
from prompt2pic.core.events import Claimed, JobEvent, encode_event
from prompt2pic.core.forecast import UNPREDICTED, Load
from prompt2pic.core.jobs import Job
from prompt2pic.core.lease import lease_seconds
from prompt2pic.core.ports import Log, Painter, PictureStore, Place
from prompt2pic.core.quality import Choice, Targets, choose
from prompt2pic.core.queue import RESULTS, Offer
from prompt2pic.core.reader import Reader
from prompt2pic.core.workers import WorkerState
from prompt2pic.ops.machine import only_this
from prompt2pic.ops.metrics import Metrics
from prompt2pic.worker.attempt import Attempt, new_id
from prompt2pic.worker.child import Broken, Died, FromChild, Loading, Ready
from prompt2pic.worker.easel import Easel
from prompt2pic.worker.painting import Painting
from prompt2pic.worker.upkeep import Upkeep
from prompt2pic.worker.uploads import FromUploads, Uploads

_BATCH = 1000  # records folded before more are asked for
_RETRY = 0.5  # seconds before the log is tried again
_TICK = 0.5  # seconds between two looks at an attempt at the most
_UNKNOWN_CLAIM = 5.0  # seconds a claim of unknown outcome is looked for
_LONGEST_PAUSE = 10.0  # seconds
_LAST_WORDS = 5.0  # seconds past the grace period that a log which can not be written is tried for

_log = structlog.get_logger(__name__)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What an owner may set: `grace` in seconds, the pictures' life in ms and their room in bytes."""

    max_attempts: int = 3
    grace: float = 25.0
    targets: Targets = Targets()
    link_seconds: float = 7 * 24 * 3600.0
    keep_ms: int = 30 * 24 * 3600 * 1000
    budget: int | None = None


class Worker:
    """Claims jobs one at a time and brings each to its end; `run` returns after `stop`.

    `retire` deletes what the log need not keep at a time in ms, where the log does not do that by itself.
    Nothing is claimed while `storing` says that pictures can not be stored.
    """

    def __init__(
        self,
        name: str,
        log: Log,
        store: PictureStore,
        make_painter: Callable[[], Painter],
        options: Options,
        metrics: Metrics,
        loading: Callable[[float, str], None] = lambda fraction, what: None,
        retire: Callable[[int], int] | None = None,
        storing: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name = name
        self._log = log
        self._options = options
        self._loading = loading
        self._metrics = metrics
        self._storing = storing
        self._inbox: queue.SimpleQueue[FromChild | FromUploads] = queue.SimpleQueue()
        self._easel = Easel(make_painter, self._tell)
        metrics.usage.pids = lambda: only_this() | self._easel.pids()
        self._upkeep = Upkeep(
            name,
            log,
            store,
            metrics,
            options.max_attempts,
            options.targets,
            options.keep_ms,
            options.budget,
            retire,
        )
        uploads = Uploads(store, options.link_seconds, self._tell)
        self._painting = Painting(log, self._easel, uploads, self._upkeep, metrics, options.max_attempts)
        self._late_claims: set[str] = set()
        self._to_release: list[Job] = []
        self._reader = Reader(log, from_frontier=True, rebuilt=self._rebuilt)
        self._stopping: float | None = None
        self._level = "best"
        self._changed = self._look_again = 0.0
        self.away: LogUnavailable | None = None  # why the log does not answer

    @property
    def ready(self) -> bool:
        """Whether the model is loaded and the log was read up to its end."""
        return self._easel.ready is not None and self._reader.ready

    def stop(self) -> None:
        """Take no more jobs; end the one at hand within the grace period, at once if called again."""
        grace = self._options.grace if self._stopping is None else 0.0
        self._stopping = self._painting.stop_at = time.monotonic() + grace
        self._reader.wake()

    def run(self) -> None:
        """Work until stopped. Raises Problem where the model can not be loaded, NewerLog."""
        try:
            while not self._done():
                self._pump()
                self._hear()
                self._act()
            if self._easel.fatal is not None:
                raise self._easel.fatal
        finally:
            self._upkeep.leave()
            self._easel.close()
            self._reader.close()

    def _done(self) -> bool:
        if self._stopping is None:
            return self._easel.fatal is not None
        return self._painting.attempt is None or time.monotonic() > self._stopping + _LAST_WORDS

    def _rebuilt(self, reader: Reader) -> None:
        if reader.refolded:
            _log.warning("frontier-not-held", partitions=reader.refolded)
        # After a truncation nobody knows the old queue's jobs any more: no record would ever tell of them.
        attempt = self._painting.attempt
        if attempt is not None and attempt.phase == "claiming":
            self._late_claims.add(attempt.id)
        self._painting.log_truncated()
        self._to_release.clear()
        self._upkeep.follow(reader)
        reader.queue.listeners.append(self._job_changed)

    def _pump(self) -> None:
        try:
            pause = self._pause()
            while self._reader.pump(pause, _BATCH) == _BATCH:
                pause = 0.0
            self._upkeep.fetched()
            self.away = None
        except LogUnavailable as problem:
            self.away = problem
            self._metrics.trouble(problem)
            _log.warning("log-unavailable", why=str(problem))
            time.sleep(_RETRY)

    def _pause(self) -> float:
        if not self._inbox.empty():
            return 0.0
        if self._painting.attempt is not None or self._stopping is not None or not self._able():
            return _TICK
        look_again = self._look_again - time.monotonic() if self._look_again else _LONGEST_PAUSE
        return max(0.0, min(self._upkeep.pause(), look_again))

    def _job_changed(self, job: Job, event: JobEvent | None) -> None:
        if event is None or isinstance(event, Claimed) or job.state == "waiting":
            self._changed = time.monotonic()
        self._painting.job_changed(job, event)
        if isinstance(event, Claimed) and event.attempt in self._late_claims:
            self._to_release.append(job)

    def _tell(self, message: FromChild | FromUploads) -> None:
        self._inbox.put(message)
        self._reader.wake()

    def _hear(self) -> None:
        while not self._inbox.empty():
            message = self._inbox.get()
            if isinstance(message, Loading):
                self._loading(message.fraction, message.what)
            elif isinstance(message, Ready):
                self._loaded(message)
            elif isinstance(message, Died):
                if self._easel.died(message):
                    self._painting.fail("painter-crashed")
            elif isinstance(message, Broken) and not message.attempt:
                self._easel.broken(message)
            else:
                self._painting.hear(message)

    def _loaded(self, ready: Ready) -> None:
        self._easel.loaded(ready)
        step = max(ready.seconds.get(level.name, 0.0) / level.steps for level in ready.model.levels)
        self._painting.expect(2 * step)
        self._upkeep.appear(ready.model, ready.seconds, 2 * step)
        _log.info("worker-ready", worker=self.name, model=ready.model.name, seconds=ready.seconds)

    def _act(self) -> None:
        if self._stopping is None:
            self._easel.set_up()
        self._release_late_claims()
        self._see_claim()
        self._painting.tend()
        if self._may_claim():
            self._claim()
        self._upkeep.act(idle=self._painting.attempt is None)

    def _may_claim(self) -> bool:
        free = self._painting.attempt is None and self._stopping is None
        return free and self._able() and not self._reader.rules.draining

    def _able(self) -> bool:
        return self.ready and self._storing()

    def _see_claim(self) -> None:
        attempt = self._painting.attempt
        if attempt is None or attempt.phase != "claiming":
            return
        outcome = decide.claim_outcome(
            attempt.job,
            attempt.id,
            read_back=attempt.claimed is not None and self._reader.reached(attempt.place, attempt.claimed),
            given_up=attempt.claimed is None and time.monotonic() - attempt.began > _UNKNOWN_CLAIM,
        )
        if outcome == "won":
            self._painting.begin(attempt)
        elif outcome == "lost":
            self._metrics.attempts["claim-lost"].inc()
            self._painting.let_go("claim-lost")
        elif outcome == "unknown":
            self._late_claims.add(attempt.id)
            self._painting.let_go("claim-unknown")

    def _release_late_claims(self) -> None:
        # An attempt that can not be given back now is looked at again; at worst its lease runs out.
        self._to_release = [job for job in self._to_release if not self._released(job)]

    def _released(self, job: Job) -> bool:
        event = decide.late_claim(job, self._late_claims)
        if event is None:
            return True
        try:
            self._log.append(Place(RESULTS, job.partition), job.id, encode_event(event))
        except (AppendUnknown, LogUnavailable) as problem:
            _log.warning("not-written", request=job.id, what="Released", why=str(problem))
            return False
        return True

    def _claim(self) -> None:
        me = self._upkeep.me
        self._look_again = 0.0
        if me is None or not self._reader.queue.turns:
            return
        load = self._load()
        order = candidates(self._reader.queue, me, load)
        idle_since = max(self._changed, self._painting.changed)
        place = rank(me.name, [worker.name for worker in load.idle()])
        offer, again = pick(order, place, time.monotonic() - idle_since)
        if again:
            self._look_again = time.monotonic() + again
        if offer is not None:
            others = self._reader.queue.upcoming(load.turn)
            choice = choose(offer.job, others, me, load, self._options.targets, self._level)
            self._append_claim(offer.job, _claim_of(offer, me, choice))

    def _append_claim(self, job: Job, claim: Claimed) -> None:
        self._level = claim.level
        offset: int | None = None
        try:
            offset = self._log.append(Place(RESULTS, job.partition), job.id, encode_event(claim))
        except AppendUnknown as problem:
            _log.warning("claim-unknown", request=job.id, why=str(problem))
        except LogUnavailable as problem:
            self._metrics.trouble(problem)
            _log.warning("log-unavailable", why=str(problem))
            self._look_again = time.monotonic() + _RETRY
            return
        now, targets = time.monotonic(), self._options.targets
        target = targets.busy if len(self._reader.queue.turns) > 1 else targets.idle
        self._painting.attempt = Attempt(
            job, claim.attempt, claim.level, claim.lease, claim.predicted, offset, target, now, now, now
        )

    def _load(self) -> Load:
        held = list(self._reader.queue.held())
        return Load(self._upkeep.live(), held, self._reader.speeds, self._upkeep.clock.now())


def _claim_of(offer: Offer, me: WorkerState, choice: Choice) -> Claimed:
    return Claimed(
        request=offer.job.id,
        at=offer.job.at,
        attempt=new_id(),
        worker=me.name,
        model=me.model.name,
        level=choice.level,
        lowered=choice.lowered,
        lease=round(lease_seconds(me.silence), 1),
        predicted=round(UNPREDICTED if choice.predicted is None else choice.predicted, 3),
        by_age=offer.by_age,
    )
