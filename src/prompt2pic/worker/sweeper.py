"""Deletes pictures that are too old, erased, over the budget, or of attempts that did not count."""

from prompt2pic.core.history import History
from prompt2pic.core.ports import Log, PictureStore
from prompt2pic.core.reader import Reader
from prompt2pic.core.sweep import doomed


def sweep(log: Log, store: PictureStore, now: int, keep_ms: int, budget: int | None) -> int:
    """Delete what `core.sweep` dooms at `now` (ms) and return how many pictures that were.

    Reads the whole log for it: a worker itself forgets what is over. Raises LogUnavailable, StoreUnavailable.
    """
    history: list[History] = []
    reader = Reader(log, from_frontier=False, rebuilt=lambda new: history.append(History(new.queue)))
    try:
        while not reader.ready:
            reader.pump(1.0)
    finally:
        reader.close()
    keys = doomed(store.list(), now, keep_ms, budget, history[-1].counted, history[-1].erased)
    for key in keys:
        store.delete(key)
    return len(keys)
