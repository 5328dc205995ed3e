"""Names in texts, against a regular expression for each name."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstar_db.judges.mentions import Mentions, normalised

WORD = re.compile(r"[^\W_]")


def plainly_found(names: list[tuple[int, list[str]]], text: str) -> set[int]:
    """The definition: a name stands in the text, with nothing of a word before and after it."""
    text = normalised(text)
    found = set()
    for entity, known_as in names:
        for name in filter(None, map(normalised, known_as)):
            for match in re.finditer(f"(?={re.escape(name)})", text):
                around = text[: match.start()][-1:] + text[match.start() + len(name) :][:1]
                if not any(WORD.match(c) or unicodedata.combining(c) for c in around):
                    found.add(entity)
    return found


@pytest.mark.parametrize(
    ("name", "text", "is_found"),
    [
        ("Rome", "Rome", True),
        ("Rome", "ROME was not built in a day", True),
        ("Rome", "Romeo and Juliet", False),
        ("Rome", "Jerome", False),
        ("Rome", "Romeo, in Rome.", True),
        ("Rome", "rome2rio", False),
        ("Rome", "(Rome)'s", True),
        ("Rome", "Rome_(film)", True),
        ("U.S.", "in the U.S. Senate", True),
        ("U.S.", "the U.S.", True),
        ("U.S.", "the U.S.A", False),
        ("!!!", "the band !!! played", True),
        ("New York", "New York City", True),
        ("New York", "New\n \u00a0York", True),
        ("New York", "New-York", False),
        ("Zoë", "Zoe\u0308 spoke", True),
        ("Zoe\u0308", "Zoë spoke", True),
        ("Zoe", "Zoe\u0308 spoke", False),
        ("Straße", "STRASSE 5", True),
        ("ﬁnland", "Finland", True),
        ("İstanbul", "in İSTANBUL", True),
        ("Istanbul", "in İstanbul", False),
        ("i", "İ", False),
        ("राम", "रामायण", False),
        ("राम", "राम ने", True),
        ("東京", "「東京」", True),
        ("C", "vitamin C helps", True),
        ("C", "Catalonia", False),
        ("𝐏𝐚𝐫𝐢𝐬", "Paris", True),
        (" ", "a  b", False),
    ],
)
def test_a_name_is_found_as_whole_words_whatever_its_spelling(name: str, text: str, is_found: bool) -> None:
    assert Mentions([(7, [name])]).find(text) == ({7} if is_found else set())


def test_names_inside_each_other_and_names_of_several_entities_are_all_found() -> None:
    mentions = Mentions([(1, ["York"]), (2, ["New York", "NYC"]), (3, ["NYC", "nyc"]), (4, ["New York City"])])
    assert mentions.find("New York City") == {1, 2, 4}
    assert mentions.find("NYC") == {2, 3}


def test_without_names_nothing_is_found() -> None:
    assert Mentions([]).find("Rome") == set()
    assert Mentions([(1, ["", "  "])]).find("Rome") == set()


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert normalised(unicodedata.normalize("NFD", text)) == normalised(text)


letters = st.text(st.sampled_from("abAB .-'2ée\u0301İißs\n"), max_size=5)


@given(st.lists(st.lists(letters, max_size=3), max_size=5), st.text(st.sampled_from("abAB .-'2ée\u0301İißs\n")))
def test_what_is_found_is_what_the_definition_says(names: list[list[str]], text: str) -> None:
    numbered = list(enumerate(names))
    assert Mentions(numbered).find(text) == plainly_found(numbered, text)


def test_many_names_in_long_texts_are_found_as_the_definition_says() -> None:
    rng = random.Random(0)
    words = ["Rome", "Roma", "New", "York", "U.S.", "St.", "d'Or", "É", "a", "of", "x-y", "Zoë", "C++"]
    name = lambda: " ".join(rng.choices(words, k=rng.randint(1, 3)))  # noqa: E731
    names = [(entity, [name() for _ in range(3)]) for entity in range(200)]
    mentions = Mentions(names)
    sizes = set()
    for _ in range(30):
        text = "".join(rng.choice(words) + rng.choice([" ", " ", " ", ", ", "", "s "]) for _ in range(40))
        assert mentions.find(text) == plainly_found(names, text)
        sizes.add(len(mentions.find(text)))
    assert len(sizes) > 5
