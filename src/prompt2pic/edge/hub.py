"""The queue as the web process sees it: fetched by a thread, folded and asked in the event loop."""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import TypeVar

import structlog

from prompt2pic.core.clock import SteadyClock
from prompt2pic.core.errors import LogTruncated, LogUnavailable, NewerLog, Problem
from prompt2pic.core.events import Event, JobEvent, encode_event
from prompt2pic.core.forecast import Load, Wait, waits
from prompt2pic.core.history import History
from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import Follower, Log, Model, Place, Record
from prompt2pic.core.quality import Targets, expected_level
from prompt2pic.core.queue import RESULTS
from prompt2pic.core.reader import Reader, Start, now_ms
from prompt2pic.edge.shelf import Shelf
from prompt2pic.edge.told import Told
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics

_POLL = 5.0  # seconds a fetch waits for records
_RETRY = 0.5  # seconds before the log is tried again
_WAITS_LAST = 0.5  # seconds the places in the queue are good for
_SHOWN_WITHIN = 2.0  # seconds that a scrape waits for a loop that is busy
_FORGET_PERIOD = 60.0  # seconds between two looks at what may go onto the shelf
_SHELVE_AFTER = 100_000  # records folded, also: a first start reads months

Answer = TypeVar("Answer")

_log = structlog.get_logger(__name__)


class Hub:
    """The queue and everybody's history; all but asking the log happens in the event loop that runs it.

    `listeners` hear, in that loop, of each job that a record changed; `rebuilt` once everything is read anew.
    `failing` is called, in that loop, where the log can be followed no more.
    """

    def __init__(
        self, log: Log, shelf: Shelf, metrics: Metrics, targets: Targets, failing: Callable[[Problem], None]
    ) -> None:
        self.log = log
        self._shelf = shelf
        self._shelved_at = 0
        self.failed: Problem | None = None
        self._away: Problem | None = None
        self._metrics = metrics
        self._told = Told(metrics)
        self.targets = targets
        self._failing = failing
        self.listeners: list[Callable[[Job], None]] = []
        self.rebuilt: list[Callable[[], None]] = []
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._folds: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._waits: tuple[float, dict[str, Wait]] = (-1.0, {})
        self._closing = threading.Event()
        self._shown_in: asyncio.AbstractEventLoop | None = None
        self._clock = SteadyClock(now_ms)
        self.reader = Reader(log, from_frontier=False, rebuilt=self._rebuilt, own=shelf.marks)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the log while the context is open; entered once the log was read up to its end."""
        self._loop = self._shown_in = asyncio.get_running_loop()
        thread = threading.Thread(target=self._follow, daemon=True, name="log")
        thread.start()
        forgetting = asyncio.create_task(self._forget())
        try:
            with contextlib.suppress(Problem):  # `failing` has been told
                await self.whole()
            yield
        finally:
            self._shown_in = None
            forgetting.cancel()
            self._closing.set()
            self.reader.wake()
            await asyncio.to_thread(thread.join, _POLL + 1)
            self.reader.close()
            self._shelf.close()

    def examined_by(self, health: Health, say: Callable[[Problem], str]) -> None:
        """Have a process's health tell whether the log can be followed, answers, and was read."""
        health.add("log", lambda: say(self.failed) if self.failed else None, vital=True)
        health.add("log-answers", lambda: say(self._away) if self._away else None)
        health.add("queue", lambda: None if self.reader.ready else "the log is being read")

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once a fold has made `true` true. Raises Problem where the log can not be followed."""
        if self.failed is not None:
            raise self.failed
        if not true():
            future: asyncio.Future[None] = self._loop.create_future()
            self._folds.append((true, future))
            await future

    async def whole(self) -> None:
        """Return once the log was read up to its end, as it was when it began to be read."""
        await self.until(lambda: self.reader.ready)

    async def appended(self, place: Place, offset: int) -> None:
        """Return once the record at this offset has been read back."""
        await self.until(lambda: self.reader.reached(place, offset))

    async def tell(self, job: Job, event: JobEvent) -> None:
        """Append an event of a job and return once it was read back. Raises LogUnavailable, AppendUnknown."""
        await self.write(job.partition, job.id, event)

    async def write(self, partition: int, key: str, event: Event) -> None:
        """Append an event and return once it was read back. Raises LogUnavailable, AppendUnknown."""
        place = Place(RESULTS, partition)
        offset = await asyncio.to_thread(self.log.append, place, key, encode_event(event))
        await self.appended(place, offset)

    @contextlib.contextmanager
    def watching(self, request: str) -> Iterator[asyncio.Event]:
        """Lend an event that is set whenever the job changes."""
        changed = asyncio.Event()
        self._watchers[request].add(changed)
        try:
            yield changed
        finally:
            self._watchers[request].discard(changed)
            if not self._watchers[request]:
                del self._watchers[request]

    def now(self) -> int:
        """Return the time of day in ms, without jumps that do not last."""
        return self._clock.now()

    def show(self) -> None:
        """Bring the metrics up to date."""
        self._metrics.look_at(self.reader, now_ms(), self.targets)

    def show_from_outside(self) -> None:
        """Do the same from another thread than the loop's; one that is busy is waited for only a while."""

        async def show() -> None:
            self.show()

        if self._shown_in is not None:
            # A loop that ends cancels what it was asked, one that has ended refuses: the figures are the last ones.
            with contextlib.suppress(TimeoutError, CancelledError, RuntimeError):
                asyncio.run_coroutine_threadsafe(show(), self._shown_in).result(_SHOWN_WITHIN)

    def load(self) -> Load:
        """Return what there is to do, and who is there to do it."""
        held = list(self.reader.queue.held())
        return Load(self.reader.crew.live(now_ms()), held, self.reader.speeds, self.now())

    def wait(self, request: str) -> Wait | None:
        """Return a waiting job's place and time, None where it does not wait."""
        made, told = self._waits
        if self._loop.time() - made > _WAITS_LAST or request not in told:
            told = self._all_waits()
            self._waits = (self._loop.time(), told)
        wait = told.get(request)
        self._told.note(request, wait, self.now())
        return wait

    def model(self) -> Model | None:
        """Return the model that pictures are painted with, None before a worker was heard of."""
        return self.reader.crew.model()

    def position(self, job: Job) -> int:
        """Return how far the job's partition of the ledger was read."""
        return self.reader.queue.ledgers[job.partition].next_result

    def _all_waits(self) -> dict[str, Wait]:
        load = self.load()
        queue = self.reader.queue
        upcoming = list(queue.upcoming(load.turn))
        return waits(load, upcoming, expected_level(upcoming, load, self.targets))

    def _rebuilt(self, reader: Reader) -> None:
        self._shelf.keep({n: ledger.frontier for n, ledger in reader.queue.ledgers.items()})
        self.history = History(reader.queue, self._shelf)
        reader.queue.listeners.append(self._changed)
        for changed in (event for events in self._watchers.values() for event in events):
            changed.set()
        for hear in self.rebuilt:
            hear()

    def _changed(self, job: Job, event: JobEvent | None) -> None:
        self._waits = (-1.0, {})
        self._told.hear(job)
        for changed in self._watchers.get(job.id, ()):
            changed.set()
        for hear in self.listeners:
            hear(job)

    def _follow(self) -> None:
        """Fetch in this thread, have the event loop fold, and only then fetch again."""
        while not self._closing.is_set():
            try:
                self._fetch()
                self._away = None
            except LogUnavailable as problem:
                self._away = problem
                self._metrics.trouble(problem)
                _log.warning("log-unavailable", why=str(problem))
                self._closing.wait(_RETRY)
            except NewerLog as problem:
                self._loop.call_soon_threadsafe(self._fail, problem)
                return
            except Exception as error:  # a thread that dies unheard would leave the page showing old news
                if not self._closing.is_set():
                    _log.error("unexpected", exc_info=error)
                    self._loop.call_soon_threadsafe(self._fail, Problem("unexpected"))
                return

    def _fetch(self) -> None:
        try:
            records = self.reader.fetch(_POLL)
        except LogTruncated:
            self._rebuild()
        else:
            self._in_loop(self._take(records))

    def _rebuild(self) -> None:
        """Ask the log in this thread, as that may take long, and have the event loop begin anew."""
        _log.warning("log-truncated")
        self._in_loop(self._doubt())
        identity = self.log.identity()
        old = self._in_loop(self._begin(identity, self.reader.find_start({})))
        if old is not None:
            old.close()

    def _in_loop(self, step: Coroutine[None, None, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result()

    async def _take(self, records: list[Record]) -> None:
        self.reader.take(records)
        if self.reader.queue.folded - self._shelved_at > _SHELVE_AFTER:
            self._shelve()
        self._wake_folds()

    async def _doubt(self) -> None:
        self.reader.ready = False

    async def _begin(self, identity: str, start: Start) -> Follower | None:
        self._shelf.clear(identity)
        self._shelved_at = 0
        old = self.reader.begin(start)
        self._wake_folds()
        return old

    def _wake_folds(self) -> None:
        waiting, self._folds = self._folds, []
        for true, future in waiting:
            if future.done():
                continue
            if true():
                future.set_result(None)
            else:
                self._folds.append((true, future))

    def _fail(self, problem: Problem) -> None:
        self.failed = problem
        _log.error("log-not-followed", why=str(problem))
        for _, future in self._folds:
            if not future.done():
                future.set_exception(problem)
        self._failing(problem)

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_PERIOD)
            self._told.keep({job.id for job in self.reader.queue.open_jobs()})
            self._shelve()

    def _shelve(self) -> None:
        self._shelved_at = self.reader.queue.folded
        frontiers = self.reader.queue.advance(self.now())
        self._shelf.note_read({n: self.reader.mark(n, frontier) for n, frontier in frontiers.items()})
        self.history.shelve(frontiers)
