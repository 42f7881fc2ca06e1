"""A real worker over a real log and store, when these fail it."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from prompt2pic.core.errors import AppendUnknown, LogUnavailable, StoreUnavailable
from prompt2pic.core.events import Event, Expired, decode_event, encode_event
from prompt2pic.core.ports import Log, PictureStore, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import DEAD_LETTERS
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.ops.metrics import Metrics
from prompt2pic.painters import make_painter
from prompt2pic.store import open_store
from prompt2pic.wiring import TOPICS
from prompt2pic.worker import upkeep
from prompt2pic.worker.worker import Options, Worker
from tests.servers.service import eventually
from tests.unit.samples import claimed

LEDGER = Place(RESULTS, 0)


class Failing:
    """Stands before a log or a store and fails the next calls of some methods, as told."""

    def __init__(self, real: Log | PictureStore) -> None:
        self._real = real
        self.failures: list[tuple[str, Exception, bool]] = []
        self.always: tuple[str, Exception] | None = None
        self.lost: list[tuple[object, ...]] = []
        self.swallow = 0

    def __getattr__(self, name: str) -> object:
        method = getattr(self._real, name)
        return partial(self._call, name, method) if name in ("append", "put") else method

    def _call(self, name: str, method: Callable[..., object], *args: object) -> object:
        if self.always and self.always[0] == name:
            raise self.always[1]
        if self.swallow and args[0] == LEDGER:
            self.swallow -= 1
            self.lost.append(args)
            return 1000  # the offset of a record that is lost before anybody reads it
        for failure in self.failures:
            if failure[0] == name:
                self.failures.remove(failure)
                if failure[2]:
                    method(*args)
                else:
                    self.lost.append(args)
                raise failure[1]
        return method(*args)


class Bench:
    """A worker in a thread, with its log and store where a test can reach them."""

    def __init__(self, folder: Path, painter: str, options: Options) -> None:
        self.log = SqliteLog(folder / "log.sqlite3", TOPICS)
        store = open_store(f"file://{folder}/pictures", secret=b"s" * 32, base_url="http://here")
        self.failing_log, self.failing_store = Failing(self.log), Failing(store)
        make = partial(make_painter, painter)
        self.worker = Worker(
            "hand",
            self.failing_log,  # type: ignore[arg-type]  # stands before a real one
            self.failing_store,  # type: ignore[arg-type]
            make,
            options,
            Metrics(),
        )
        self.thread = Thread(target=self.worker.run)

    def ask(self, name: str = "one", **fields: object) -> str:
        """Put a request on the log."""
        request = Request(id=name, person="anna", prompt="кот", seed=1, level="best", **fields)  # type: ignore[arg-type]
        self.log.append(Place(REQUESTS, 0), name, encode_request(request))
        return name

    def events(self) -> list[Event]:
        """Return the ledger so far."""
        follower = self.log.follow({LEDGER: 0})
        try:
            return [event for record in follower.poll(0.0) if (event := decode_event(record.value))]
        finally:
            follower.close()

    def kinds(self) -> list[str]:
        """Return the kinds of the ledger's events so far."""
        return [type(event).__name__ for event in self.events()]

    def until(self, kind: str, times: int = 1) -> list[str]:
        """Return the kinds once there are `times` of one kind."""
        eventually(lambda: self.kinds().count(kind) >= times, f"no {kind}")
        return self.kinds()


@contextmanager
def bench(folder: Path, painter: str = "stub:0.1", **options: object) -> Iterator[Bench]:
    """Have a worker with its model loaded, and stop it at the end."""
    made = Bench(folder, painter, Options(**options))  # type: ignore[arg-type]
    made.thread.start()
    try:
        eventually(lambda: made.worker.ready, "the worker is not ready")
        yield made
    finally:
        made.worker.stop()
        made.thread.join(30)
        made.log.close()


def put_back(path: Path) -> None:
    """Put a copy of the log's file in its place, as an owner does who restores it."""
    copy = path.with_name("copy")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.replace(path)


def test_a_claim_that_was_lost_with_the_log_is_let_go(tmp_path: Path) -> None:
    """A worker whose claim is in no log any more neither waits for it for ever nor keeps anybody from stopping it."""
    with bench(tmp_path) as at:
        at.failing_log.swallow = 1
        at.ask()
        eventually(lambda: at.failing_log.lost, "nothing is claimed")
        put_back(tmp_path / "log.sqlite3")
        assert at.until("Finished") == ["Claimed", "Started", "Finished"]


def test_a_painting_is_given_back_when_the_log_is_put_back(tmp_path: Path) -> None:
    """The copy knows the claim, so that it knows the release, too, and the job is painted without a lost attempt."""
    with bench(tmp_path, "stub:1.5") as at:
        at.ask()
        at.until("Started")
        put_back(tmp_path / "log.sqlite3")
        kinds = at.until("Finished")
        assert kinds.count("Released") == 1
        assert kinds[-3:] == ["Claimed", "Started", "Finished"]


def test_who_waited_for_a_day_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that nobody took for 24 hours is never claimed, and failed by a record."""
    monkeypatch.setattr(upkeep, "_FIRST", 0.5)
    right = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() - 25 * 3600 * 10**9)
    with closing(SqliteLog(tmp_path / "log.sqlite3", TOPICS)) as log:
        request = Request(id="old", person="anna", prompt="кот", seed=1)
        log.append(Place(REQUESTS, 0), "old", encode_request(request))
    monkeypatch.setattr(time, "time_ns", right)
    with bench(tmp_path) as at:
        at.ask("young")
        at.until("Failed")
        at.until("Finished")
        claims = [event.request for event in at.events() if type(event).__name__ == "Claimed"]  # type: ignore[union-attr]
        assert claims == ["young"]


def test_a_jump_of_the_clock_fails_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For some seconds it is four years later: what waits, what is painted and what is asked then is all painted."""
    monkeypatch.setattr(upkeep, "_FIRST", 0.0)
    monkeypatch.setattr(upkeep, "_TOO_OLD_PERIOD", 0.05)
    wrong, right = [0], time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + wrong[0])
    with bench(tmp_path, "stub:1") as at:
        for name in ("one", "two", "three"):
            at.ask(name)
        at.until("Started")
        wrong[0] = 4 * 365 * 24 * 3600 * 10**9
        at.ask("four")
        at.until("Finished")
        time.sleep(0.5)
        wrong[0] = 0
        kinds = at.until("Finished", 4)
        assert set(kinds) <= {"Claimed", "Started", "Progressed", "Finished"}


def test_a_request_is_painted(tmp_path: Path) -> None:
    """A request is claimed, started and finished, with its pictures in the store under the attempt."""
    with bench(tmp_path) as at:
        at.ask(count=2)
        assert at.until("Finished") == ["Claimed", "Started", "Finished"]
        finished = at.events()[-1]
        keys = [picture.key for picture in finished.pictures]  # type: ignore[union-attr]
        assert [key.split("/")[0] for key in keys] == ["one", "one"]
        assert [(tmp_path / "pictures" / key).is_file() for key in keys] == [True, True]


def test_a_store_that_comes_back_costs_nothing(tmp_path: Path) -> None:
    """A store that fails twice and then works: the same attempt finishes."""
    with bench(tmp_path) as at:
        down = ("put", StoreUnavailable("store-unreachable", place="x"), False)
        at.failing_store.failures = [down, down]
        at.ask()
        assert at.until("Finished") == ["Claimed", "Started", "Finished"]


def test_an_upload_whose_answer_was_lost_counts(tmp_path: Path) -> None:
    """A picture that was stored although the store said otherwise is not stored a second time."""
    with bench(tmp_path) as at:
        at.failing_store.failures = [("put", StoreUnavailable("store-unreachable", place="x"), True)]
        at.ask()
        assert at.until("Finished") == ["Claimed", "Started", "Finished"]


def test_a_store_that_stays_down_fails_the_job_and_not_the_worker(tmp_path: Path) -> None:
    """With the store down for good the attempts fail, the person is told, a dead letter is kept, the worker lives."""
    with bench(tmp_path, max_attempts=1) as at:
        at.failing_store.always = ("put", StoreUnavailable("store-full", place="x"))
        at.ask()
        kinds = [kind for kind in at.until("Failed") if kind != "Progressed"]
        assert kinds == ["Claimed", "Started", "Failed"]
        failed = at.events()[-1]
        assert (failed.reason, failed.final) == ("store-full", True)  # type: ignore[union-attr]
        eventually(lambda: at.log.bounds(Place(DEAD_LETTERS, 0))[1] == 1, "no dead letter")
        at.failing_store.always = None
        at.ask("two")
        assert at.until("Finished")[-1] == "Finished"


def test_the_last_word_is_said_until_it_is_heard(tmp_path: Path) -> None:
    """A log that can not be written when the picture is ready: the worker tries on, and paints only once."""
    with bench(tmp_path, "stub:0.5") as at:
        at.ask()
        at.until("Started")
        at.failing_log.always = ("append", LogUnavailable("log-full", path="x"))
        time.sleep(1.5)
        at.failing_log.always = None
        assert at.until("Finished") == ["Claimed", "Started", "Finished"]


@pytest.mark.parametrize("written", [True, False])
def test_a_claim_of_unknown_outcome_is_read_back(tmp_path: Path, written: bool) -> None:
    """A claim that may or may not be in the log: the worker looks, and paints once in either case."""
    with bench(tmp_path) as at:
        at.failing_log.failures = [("append", AppendUnknown("log-unknown", path="x"), written)]
        at.ask()
        assert at.until("Finished") == ["Claimed", "Started", "Finished"]


def test_a_finish_of_unknown_outcome_counts_once(tmp_path: Path) -> None:
    """A last word that was written although the log said it might not be ends the job once."""
    with bench(tmp_path, "stub:0.5") as at:
        at.ask()
        at.until("Started")
        at.failing_log.failures = [("append", AppendUnknown("log-unknown", path="x"), True)]
        at.until("Finished")
        at.ask("two")
        assert at.until("Finished", 2).count("Claimed") == 2


def test_a_restarted_worker_begins_at_the_frontier(tmp_path: Path) -> None:
    """A worker that comes back paints what waits, and nothing twice."""
    with bench(tmp_path) as at:
        at.ask()
        at.until("Finished")
    with bench(tmp_path) as again:
        again.ask("two")
        assert again.until("Finished", 2).count("Claimed") == 2


def test_a_worker_expires_what_its_predecessor_held(tmp_path: Path) -> None:
    """Who starts under a dead worker's name frees its jobs at once; another's lease is left to run out."""
    made = Bench(tmp_path, "stub:0.1", Options())
    with closing(made.log) as log:
        for offset, (name, worker) in enumerate((("mine", "hand"), ("other", "somebody"))):
            made.ask(name)
            claim = claimed(name, offset, worker=worker, lease=600.0)
            log.append(LEDGER, name, encode_event(claim))
    with bench(tmp_path) as at:
        at.until("Finished")
        expired = [event.request for event in at.events() if isinstance(event, Expired)]
        assert expired == ["mine"]
        assert at.kinds().count("Claimed") == 3


def test_what_a_worker_claims_itself_is_not_left_behind(tmp_path: Path) -> None:
    """Where its expiries can not be written at first, a worker keeps to those that it found at its start."""
    made = Bench(tmp_path, "stub:2", Options())
    made.ask()
    made.log.append(LEDGER, "one", encode_event(claimed("one", worker="hand", lease=600.0)))
    made.failing_log.failures = [("append", LogUnavailable("log-disk-full", path="x"), False)]
    made.thread.start()
    try:
        assert made.until("Finished").count("Expired") == 1
    finally:
        made.worker.stop()
        made.thread.join(30)
        made.log.close()


def test_an_expiry_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    """A job of a dead worker whose lease runs out while the log takes nothing is taken over once it does again."""
    with bench(tmp_path) as at:
        at.failing_log.always = ("append", LogUnavailable("log-disk-full", path="x"))
        at.ask()
        claim = claimed("one", worker="dead", lease=0.5)
        at.log.append(LEDGER, "one", encode_event(claim))
        time.sleep(3)
        assert at.kinds() == ["Claimed"]
        at.failing_log.always = None
        assert at.until("Finished") == ["Claimed", "Expired", "Claimed", "Started", "Finished"]


def test_a_claim_that_turns_up_late_is_given_back(tmp_path: Path) -> None:
    """A claim of unknown outcome that is in the log after all is given back, if need be once the log takes it."""
    with bench(tmp_path) as at:
        at.failing_log.failures = [("append", AppendUnknown("log-unknown", path="x"), False)]
        at.ask()
        eventually(lambda: at.failing_log.lost, "no claim")
        at.failing_log.always = ("append", LogUnavailable("log-disk-full", path="x"))
        time.sleep(6)  # seconds; for five of them the worker looks for its claim
        at.log.append(*at.failing_log.lost[0])  # type: ignore[arg-type]  # what the worker had appended
        time.sleep(2)
        assert at.kinds() == ["Claimed"]
        at.failing_log.always = None
        assert at.until("Finished") == ["Claimed", "Released", "Claimed", "Started", "Finished"]
