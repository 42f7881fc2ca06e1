"""What people type becomes an ask, or a refusal that says what is wrong."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prompt2pic.core.asks import LARGEST_SEED, Ask, Limits, check, kind_of_level, tidy
from prompt2pic.core.errors import Problem, Refused
from prompt2pic.core.options import parse, size
from prompt2pic.core.requests import LEVELS

T = TypeVar("T")

WORDS = [
    *(
        "--no",
        "--ar",
        "--size",
        "--seed",
        "--n",
        "--level",
        "--NO",
        "--v",
        "--размер",
        "—seed",
        "–n",
        "—море",
    ),
    *(
        "16:9",
        "0:1",
        "99999:1",
        "1024x768",
        "1024х768",
        "1024×768",
        "0x0",
        "42",
        "-1",
        "4294967296",
        "٣",
        "²",
    ),
    *(
        "fast",
        "BEST",
        "cat",
        "=",
        "--",
        "-",
        "\n",
        "\t",
        " ",
        "\u00a0",
        "\u200d",
        "\x00",
        "\ud800",
        "🐈",
        "İ",
    ),
]
messages = st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=12).map(" ".join) | st.text()
LIMITS = Limits()

asks = st.builds(
    Ask,
    prompt=messages,
    negative=messages,
    model=st.text(max_size=3),
    width=st.none() | st.integers(-5, 5000),
    height=st.none() | st.integers(-5, 5000),
    aspect=st.none() | st.tuples(st.integers(1, 99999), st.integers(1, 99999)),
    count=st.integers(-2, 20),
    seed=st.none() | st.integers(-(10**12), 10**12),
    strength=st.none() | st.floats(),
    level=st.sampled_from(["auto", *LEVELS]),
)


def tried(ask: Callable[[], T]) -> T | Refused:
    """Return what comes of it, or how it is refused; anything else is raised."""
    try:
        return ask()
    except Refused as refused:
        return refused


def refusal(text: str) -> Refused:
    """Return how a message is refused."""
    with pytest.raises(Refused) as caught:
        parse(text)
    return caught.value


@given(messages)
@example("--no " * 500)
@example("--" + "n" * 10_000)
def test_any_message_is_parsed_or_refused_with_a_key(text: str) -> None:
    """No text is too strange: an ask, or a sentence's key and the option at fault."""
    ask = tried(lambda: parse(text))
    if isinstance(ask, Refused):
        assert ask.key in ("option-unknown", "option-wrong")
        assert ask.param
        assert ask.args_by_name["option"]
        assert str(ask)
    else:
        assert ask.prompt == ask.prompt.strip()
        assert ask.count in range(1, 11)
        assert ask.seed is None or 0 <= ask.seed <= LARGEST_SEED
        assert ask.level in ("auto", *LEVELS)
        assert all(side > 0 for side in (ask.width, ask.height, *(ask.aspect or ())) if side is not None)


@given(asks)
def test_any_ask_is_tidied_or_refused_with_a_key(ask: Ask) -> None:
    """What passes the check is within the limits, can be written to the log, and passes again as it is."""
    checked = tried(lambda: check(ask, LIMITS))
    if isinstance(checked, Refused):
        assert checked.key
        assert checked.param in ("prompt", "negative", "n", "seed", "size", "variation_strength")
    else:
        assert 1 <= len(checked.prompt) <= LIMITS.prompt
        assert len(checked.negative) <= LIMITS.prompt
        assert msgspec.json.encode(msgspec.structs.replace(checked, model=""))
        assert check(checked, LIMITS) == checked
        for side in (checked.width, checked.height):
            assert side is None or LIMITS.smallest <= side <= LIMITS.largest


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a cat", {"prompt": "a cat"}),
        ("  a cat\n", {"prompt": "a cat"}),
        ("a cat --no blur, text", {"prompt": "a cat", "negative": "blur, text"}),
        ("a cat --ar 16:9", {"prompt": "a cat", "aspect": (16, 9)}),
        ("a cat --ar=16 : 9", {"prompt": "a cat", "aspect": (16, 9)}),
        ("a cat --size 1024x768", {"prompt": "a cat", "width": 1024, "height": 768}),
        ("кот --size 1024х768", {"prompt": "кот", "width": 1024, "height": 768}),
        ("кот --SIZE 1024 × 768", {"prompt": "кот", "width": 1024, "height": 768}),
        ("a cat --seed 0", {"prompt": "a cat", "seed": 0}),
        ("a cat --seed 4294967295", {"prompt": "a cat", "seed": LARGEST_SEED}),
        ("a cat --n 10 --level BEST", {"prompt": "a cat", "count": 10, "level": "best"}),
        ("a cat —n 2 –seed 3", {"prompt": "a cat", "count": 2, "seed": 3}),
        ("a cat --seed 1 --seed 2", {"prompt": "a cat", "seed": 2}),
        ("--seed 1", {"prompt": "", "seed": 1}),
        ("well-known, half-hidden - and – dashes — all —of them", None),
        ("закат —море", None),
        ("see --4 and -- and --.", None),
        ("a--seed 1", None),
    ],
)
def test_what_people_write(text: str, fields: dict[str, Any] | None) -> None:
    """Options stand at the end, by their full names; any other dash is part of the description."""
    assert parse(text) == Ask(**(fields or {"prompt": text}))


@pytest.mark.parametrize(
    ("text", "param", "form"),
    [
        ("a cat --no", "negative", "--no blurry, text"),
        ("a cat --ar wide", "ar", "--ar 16:9"),
        ("a cat --ar 0:9", "ar", "--ar 16:9"),
        ("a cat --ar 16:0", "ar", "--ar 16:9"),
        ("a cat --ar 123456:1", "ar", "--ar 16:9"),
        ("a cat --size 1024", "size", "--size 1024x768"),
        ("a cat --seed -1", "seed", "--seed 42"),
        ("a cat --seed 4294967296", "seed", "--seed 42"),
        ("a cat --seed ٣", "seed", "--seed 42"),
        ("a cat --seed", "seed", "--seed 42"),
        ("a cat --n 0", "n", "--n 4"),
        ("a cat --n 11", "n", "--n 4"),
        ("a cat --level good", "level", "--level fast|balanced|best"),
    ],
)
def test_a_wrong_option_is_told_in_its_right_form(text: str, param: str, form: str) -> None:
    """The sentence names the option and shows how it is written."""
    refused = refusal(text)
    assert (refused.key, refused.param, refused.args_by_name["form"]) == ("option-wrong", param, form)


def test_an_unknown_option_is_told_the_known_ones() -> None:
    """An option of another program is not painted but named."""
    refused = refusal("a cat --v 5")
    assert (refused.key, refused.param) == ("option-unknown", "v")
    assert refused.args_by_name == {"option": "--v", "options": "--no --ar --size --seed --n --level"}


@pytest.mark.parametrize(
    ("ask", "key", "param"),
    [
        (Ask(prompt=""), "prompt-empty", "prompt"),
        (Ask(prompt=" \n\u200b\u200d\x00 "), "prompt-empty", "prompt"),
        (Ask(prompt="x" * 1001), "prompt-too-long", "prompt"),
        (Ask(prompt="x", negative="x" * 1001), "negative-too-long", "negative"),
        (Ask(prompt="x", count=0), "count-wrong", "n"),
        (Ask(prompt="x", count=11), "count-wrong", "n"),
        (Ask(prompt="x", seed=-1), "seed-wrong", "seed"),
        (Ask(prompt="x", seed=LARGEST_SEED + 1), "seed-wrong", "seed"),
        (Ask(prompt="x", width=63, height=64), "size-wrong", "size"),
        (Ask(prompt="x", width=64, height=2049), "size-wrong", "size"),
        (Ask(prompt="x", aspect=(33, 1)), "size-wrong", "size"),
        (Ask(prompt="x", aspect=(1, 99999)), "size-wrong", "size"),
        (Ask(prompt="x", level="good"), "level-unknown", "level"),  # type: ignore[arg-type]  # as HTTP may say
    ],
)
def test_what_is_refused(ask: Ask, key: str, param: str) -> None:
    """Each limit has its own sentence and names the field."""
    with pytest.raises(Refused) as caught:
        check(ask, LIMITS)
    assert (caught.value.key, caught.value.param) == (key, param)


@pytest.mark.parametrize(
    "ask",
    [
        Ask(prompt="x" * 1000, negative="x" * 1000, count=10, seed=LARGEST_SEED, width=64, height=2048),
        Ask(prompt="🐈", seed=0, aspect=(32, 1)),
        Ask(prompt="👩‍🎨 <b>&</b> 日本 עברית", level="best", aspect=(1, 32)),
    ],
)
def test_what_is_allowed(ask: Ask) -> None:
    """The limits themselves are within them, and every script, emoji and sign may be painted."""
    assert check(ask, LIMITS) == ask


def test_tidying() -> None:
    """Control characters and runs of spaces become single spaces, letters their composed form."""
    assert tidy("  a\x00\tcat\u2028 e\u0301\ud800 \ue000 ") == "a cat é"


@given(st.text())
def test_tidying_twice_changes_nothing(text: str) -> None:
    """A tidied text stays as it is."""
    assert tidy(tidy(text)) == tidy(text)


@given(st.text() | st.sampled_from(["auto", "low", "medium", "high", "standard", "hd", *LEVELS]))
def test_every_quality_is_a_level_or_refused(quality: str) -> None:
    """The words of the OpenAI API and our own are levels."""
    level = tried(lambda: kind_of_level(quality))
    if isinstance(level, Refused):
        assert (level.key, level.param) == ("level-unknown", "quality")
    else:
        assert level in ("auto", *LEVELS)
    assert kind_of_level("hd") == "best"


def test_sizes() -> None:
    """A size is two whole numbers, with any of the signs that people put between."""
    assert size("1024*768") == size("1024X768") == size("1024Х768") == (1024, 768)
    with pytest.raises(Refused):
        size("1024x768x3")


def test_a_problem_says_itself() -> None:
    """In a log line a problem is its key and arguments."""
    assert str(Problem("size-wrong", smallest=64)) == "size-wrong(smallest=64)"
