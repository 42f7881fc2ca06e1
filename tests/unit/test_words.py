"""Lists of words: what is refused, what is blurred, and what is let through."""

import pytest

from prompt2pic.core.asks import Ask
from prompt2pic.core.errors import Refused
from prompt2pic.core.words import NO_WORDS, WordList, WordLists
from prompt2pic.edge.word_files import word_lists

OURS = word_lists(None, None)


@pytest.mark.parametrize(
    "prompt",
    [
        "голая девочка",
        "Обнажённый МАЛЬЧИК на пляже",
        "nude child",
        "a naked schoolgirl",
        "г0лая девочка",  # a digit for a letter
        "гoлая девочка",  # a Latin letter in a Russian word
    ],
)
def test_sexual_content_with_minors_is_refused_in_both_languages(prompt: str) -> None:
    """The list that ships refuses it, in whatever case or with letters that only look alike."""
    with pytest.raises(Refused) as refused:
        OURS.check(Ask(prompt=prompt))
    assert (refused.value.key, refused.value.param) == ("prompt-blocked", "prompt")


@pytest.mark.parametrize(
    "prompt",
    [
        "девочка с воздушным шаром",
        "ребёнок и кот",
        "child with a kite",
        "голубая лагуна",
        "детский сад",
        "essex",
    ],
)
def test_what_is_harmless_passes(prompt: str) -> None:
    """A child in a picture is no reason, nor is a word that only begins like another."""
    assert OURS.check(Ask(prompt=prompt)).prompt == prompt
    assert not OURS.spoiler.matches(prompt)


def test_what_not_everybody_wants_to_see_is_blurred() -> None:
    """Nudity and blood are painted, and shown behind a veil."""
    assert all(map(OURS.spoiler.matches, ("Обнажённая натура, масло", "zombie, blood, gore")))


def test_rules_join_words_and_stems() -> None:
    """Of words with | one must occur, of parts with + all; remarks and empty lines are no rules."""
    rules = WordList(["", "# nothing", "red|blue + cat*  # colours", "big dog"])
    assert all(map(rules.matches, ("CATS that are blue", "a big, dog")))
    assert not any(map(rules.matches, ("a red dog", "bigdog", "")))
    assert WordLists(NO_WORDS.blocked, NO_WORDS.spoiler) == NO_WORDS
