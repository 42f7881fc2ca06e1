"""Which pictures an idle worker deletes."""

from collections.abc import Callable, Iterable

from prompt2pic.core.ports import StoredPicture

UNCOUNTED_KEPT = 48 * 3600 * 1000  # ms; long enough for a reader that lags to learn that an attempt counted


def doomed(
    pictures: Iterable[StoredPicture],
    now_ms: int,
    keep_ms: int,
    budget_bytes: int | None,
    counted: Callable[[str, str], bool | None],
    erased: Callable[[str], bool],
) -> list[str]:
    """Return the keys of the pictures to delete, the oldest first.

    A picture goes when its request was erased, when it is older than `keep_ms`, or when its attempt did not
    count and it is older than 48 h; of the rest the oldest go until they fit into `budget_bytes` (None: any).
    `counted(request, attempt)` is None where that is not known (yet).
    """
    oldest_first = sorted(pictures, key=lambda picture: (picture.stored, picture.key))
    over = {
        picture.key
        for picture in oldest_first
        if _is_over(picture, now_ms - picture.stored, keep_ms, counted, erased)
    }
    over |= _surplus([picture for picture in oldest_first if picture.key not in over], budget_bytes)
    return [picture.key for picture in oldest_first if picture.key in over]


def _is_over(
    picture: StoredPicture,
    age_ms: int,
    keep_ms: int,
    counted: Callable[[str, str], bool | None],
    erased: Callable[[str], bool],
) -> bool:
    request, attempt, _ = picture.key.split("/")
    if age_ms > keep_ms or erased(request):
        return True
    return age_ms > UNCOUNTED_KEPT and counted(request, attempt) is False


def _surplus(oldest_first: list[StoredPicture], budget_bytes: int | None) -> set[str]:
    """Return the keys of the oldest pictures without which the others fit into the budget."""
    if budget_bytes is None:
        return set()
    excess = sum(picture.size for picture in oldest_first) - budget_bytes
    surplus = set()
    for picture in oldest_first:
        if excess <= 0:
            break
        surplus.add(picture.key)
        excess -= picture.size
    return surplus
