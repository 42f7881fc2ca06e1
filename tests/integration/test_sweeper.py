"""What a worker's sweep deletes, over a real log and a real folder of pictures."""

from pathlib import Path

from prompt2pic.core.events import Erased, encode_event
from prompt2pic.core.ports import Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import now_ms
from prompt2pic.core.requests import Request, encode_request
from prompt2pic.log.sqlite import SqliteLog
from prompt2pic.store import open_store
from prompt2pic.wiring import TOPICS
from prompt2pic.worker.sweeper import sweep

DAY = 24 * 3600 * 1000  # ms


def test_pictures_of_erased_requests_go(tmp_path: Path) -> None:
    """Whatever the web process left of them, and whichever attempt painted them; the others stay."""
    log = SqliteLog(tmp_path / "log.sqlite3", TOPICS)
    store = open_store(f"file://{tmp_path}/pictures", secret=b"s" * 32, base_url="http://here")
    for name, person in [("a0", "ann"), ("b0", "bob"), ("a1", "ann"), ("b1", "bob")]:
        log.append(
            Place(REQUESTS, 0), name, encode_request(Request(id=name, person=person, prompt="x", seed=1))
        )
        store.put(f"{name}/attempt/0.png", b"picture")
    for erased in (Erased(person="ann", upto=1), Erased(person="bob", upto=4, request="b1")):
        log.append(Place(RESULTS, 0), erased.person, encode_event(erased))
    assert sweep(log, store, now_ms(), DAY, None) == 2
    assert sorted(picture.key.split("/")[0] for picture in store.list()) == ["a1", "b0"]
    log.close()
