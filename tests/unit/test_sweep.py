"""Which pictures an idle worker deletes."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from prompt2pic.core.ports import StoredPicture
from prompt2pic.core.sweep import UNCOUNTED_KEPT, doomed

HOUR = 3600 * 1000  # ms
NOW = 1_000 * HOUR
REQUESTS, ATTEMPTS = ("r1", "r2", "r3"), ("a1", "a2")

Verdicts: TypeAlias = dict[tuple[str, str], bool | None]
Listing: TypeAlias = list[StoredPicture]

verdicts = st.fixed_dictionaries(
    {(request, attempt): st.sampled_from([True, False, None]) for request in REQUESTS for attempt in ATTEMPTS}
)
listings = st.lists(
    st.builds(
        StoredPicture,
        st.builds(
            "{}/{}/{}.png".format, st.sampled_from(REQUESTS), st.sampled_from(ATTEMPTS), st.integers(0, 9)
        ),
        st.integers(1, 1000),
        # also from a clock that is ahead of ours
        st.integers(NOW - 200 * HOUR, NOW + HOUR),
    ),
    unique_by=lambda picture: picture.key,
)
lives = st.integers(0, 200 * HOUR)
budgets = st.none() | st.integers(0, 10_000)
erasures = st.sets(st.sampled_from(REQUESTS))


def sweep(
    pictures: Listing,
    *,
    keep: int = 10_000 * HOUR,
    budget: int | None = None,
    counted: Callable[[str, str], bool | None] = lambda request, attempt: True,
    erased: set[str] | None = None,
) -> list[str]:
    return doomed(pictures, NOW, keep, budget, counted, (erased or set()).__contains__)


def stored(
    age: float, request: str = "r1", attempt: str = "a1", number: int = 0, size: int = 10
) -> StoredPicture:
    """Return a picture that was stored `age` hours ago."""
    return StoredPicture(f"{request}/{attempt}/{number}.png", size, NOW - int(age * HOUR))


@given(listings, lives, budgets, verdicts, erasures)
def test_survivors(
    pictures: Listing, keep: int, budget: int | None, verdict: Verdicts, erased: set[str]
) -> None:
    """What survives is within its life and the budget, of no erased request, of no attempt that failed."""
    gone = sweep(pictures, keep=keep, budget=budget, counted=lambda *names: verdict[names], erased=erased)
    left = [picture for picture in pictures if picture.key not in set(gone)]
    assert budget is None or sum(picture.size for picture in left) <= budget
    for picture in left:
        request, attempt, _ = picture.key.split("/")
        assert NOW - picture.stored <= keep
        assert request not in erased
        assert verdict[request, attempt] is not False or NOW - picture.stored <= UNCOUNTED_KEPT


@given(listings, lives, verdicts, erasures)
def test_reasons(pictures: Listing, keep: int, verdict: Verdicts, erased: set[str]) -> None:
    """Without a budget nothing goes that is not too old, erased, or of an attempt known not to count."""
    gone = set(sweep(pictures, keep=keep, counted=lambda *names: verdict[names], erased=erased))
    for picture in pictures:
        request, attempt, _ = picture.key.split("/")
        late = NOW - picture.stored > UNCOUNTED_KEPT and verdict[request, attempt] is False
        assert (picture.key in gone) == (NOW - picture.stored > keep or request in erased or late)


@given(listings, st.integers(0, 10_000))
def test_budget(pictures: Listing, budget: int) -> None:
    """The budget takes the oldest, and not one more than it must."""
    by_key = {picture.key: picture for picture in pictures}
    gone = sweep(pictures, budget=budget)
    left = [picture for picture in pictures if picture.key not in set(gone)]
    if gone:
        youngest = by_key[gone[-1]]
        assert all(picture.stored >= youngest.stored for picture in left)
        assert sum(picture.size for picture in left) + youngest.size > budget


@given(listings, lives, budgets, verdicts, erasures, st.randoms())
def test_order(
    pictures: Listing, keep: int, budget: int | None, verdict: Verdicts, erased: set[str], random: Random
) -> None:
    """In any order of the listing the same keys go, the oldest first, and a second sweep finds nothing."""

    def ask(listing: Listing) -> list[str]:
        return sweep(listing, keep=keep, budget=budget, counted=lambda *names: verdict[names], erased=erased)

    gone = ask(pictures)
    by_key = {picture.key: picture.stored for picture in pictures}
    assert [by_key[key] for key in gone] == sorted(by_key[key] for key in gone)
    assert len(set(gone)) == len(gone)
    assert ask([picture for picture in pictures if picture.key not in set(gone)]) == []
    random.shuffle(pictures)
    assert ask(pictures) == gone


def test_uncounted() -> None:
    """An attempt that did not count keeps its files for 48 h; one not known keeps them for its life."""
    pictures = [stored(47.9, "r1"), stored(48.1, "r2"), stored(99, "r3")]
    known = {"r1": False, "r2": False, "r3": None}
    assert sweep(pictures, counted=lambda request, attempt: known[request]) == ["r2/a1/0.png"]


def test_a_life_is_measured_to_the_millisecond() -> None:
    """What has just reached its age stays; a millisecond later it goes."""
    for life, keep, counts in [(HOUR, HOUR, True), (48 * HOUR, 10_000 * HOUR, False)]:
        pictures = [StoredPicture(f"{late}/a/0.png", 1, NOW - life - late) for late in (0, 1)]
        assert sweep(pictures, keep=keep, counted=lambda *names, counts=counts: counts) == ["1/a/0.png"]


def test_one_byte_too_many() -> None:
    """A budget is kept to the byte."""
    pictures = [stored(2, "r1"), stored(1, "r2")]
    assert sweep(pictures, budget=20) == []
    assert sweep(pictures, budget=19) == ["r1/a1/0.png"]


def test_refuse_is_counted_before_the_budget() -> None:
    """What goes anyway makes room first: a good picture is not deleted for the sake of a bad one."""
    pictures = [stored(60, "r1"), stored(50, "r2")]
    assert sweep(pictures, budget=10, counted=lambda request, attempt: request == "r1") == ["r2/a1/0.png"]


def test_erased() -> None:
    """The pictures of an erased request go at once."""
    assert sweep([stored(0, "r1"), stored(0, "r2")], erased={"r2"}) == ["r2/a1/0.png"]


def test_nothing_asked() -> None:
    """Nobody is asked about what goes by its age: a fold that has forgotten it need not answer."""

    def fails(request: str, attempt: str) -> bool:
        raise AssertionError(request)

    assert sweep([stored(30)], keep=HOUR, counted=fails) == ["r1/a1/0.png"]
