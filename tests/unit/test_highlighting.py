"""Highlights stand where people see the names, whatever the script."""

from __future__ import annotations

import pytest

from trackstar_db.viewer.highlighting import MOST_SPANS, Kind, Piece, Span, Wanted, highlighted, pieces, spans


def marked(text: str, *names: str, is_whole: bool = True, kind: Kind = "target") -> list[str]:
    return [text[span.start : span.end] for span in spans(text, [Wanted(kind, names, is_whole)])]


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("Paris, PARIS and paris", "Paris", ["Paris", "PARIS", "paris"]),
        ("Parisian comparisons of Paris2", "Paris", []),
        ("New\n  York and New York", "new york", ["New\n  York", "New York"]),
        ("Cafe\u0301 or caf\u00e9, not cafe", "caf\u00e9", ["Cafe\u0301", "caf\u00e9"]),
        ("Cafe\u0301", "cafe", []),
        ("STRASSE and Straße", "straße", ["STRASSE", "Straße"]),
        ("ﬁne fine", "fine", ["ﬁne", "fine"]),
        ("القاهرة عاصمة مصر", "القاهرة", ["القاهرة"]),
        ("ירושלים היא עיר", "ירושלים", ["ירושלים"]),
        ("家 in 我的家很大", "家", ["家", "家"]),
        ("👩‍👩‍👧 and 👩", "👩", ["👩"]),
        ("a flag: 🇫🇷, not 🇫🇮🇷🇺", "🇫🇷", ["🇫🇷"]),
        ("U.S. and U.S.A.", "U.S.", ["U.S.", "U.S."]),
        ("C++ and C", "C++", ["C++"]),
        ("İstanbul", "i̇stanbul", ["İstanbul"]),
        ("", "x", []),
        ("text", "", []),
        ("a (b) [c] \\d .*", ".*", [".*"]),
    ],
)
def test_a_name_is_found_as_people_see_it(text: str, name: str, found: list[str]) -> None:
    assert marked(text, name) == found


def test_a_selected_part_is_found_within_words() -> None:
    assert marked("capital capitals", "apital", is_whole=False, kind="selection") == ["apital", "apital"]


def test_aliases_that_overlap_are_one_highlight() -> None:
    assert marked("in New York City today", "New York", "York City", "new york") == ["New York City"]
    assert marked("aaa", "aa", is_whole=False) == ["aaa"]


def test_kinds_may_cover_each_other_and_the_pieces_are_the_text() -> None:
    text = "The capital of France is Paris."
    wanted = [
        Wanted("target", ("Paris", "of France")),
        Wanted("subject", ("France",)),
        Wanted("selection", ("France is Paris",), is_whole=False),
    ]
    cut = highlighted(text, wanted)
    assert cut == [
        Piece("The capital ", ()),
        Piece("of ", ("target",)),
        Piece("France", ("selection", "subject", "target")),
        Piece(" is ", ("selection",)),
        Piece("Paris", ("selection", "target")),
        Piece(".", ()),
    ]
    assert "".join(piece.text for piece in cut) == text


def test_a_text_without_marks_is_one_piece_and_an_empty_one_none() -> None:
    assert pieces("all", []) == [Piece("all", ())]
    assert pieces("", []) == []
    assert pieces("ab", [Span(0, 2, "subject")]) == [Piece("ab", ("subject",))]


def test_of_very_many_places_the_first_are_marked() -> None:
    text = "é a " * 20_000
    found = highlighted(text, [Wanted("target", ("é",)), Wanted("selection", ("a",), False)])
    assert sum(bool(piece.kinds) for piece in found) == 2 * MOST_SPANS
    assert "".join(piece.text for piece in found) == text


def test_a_name_longer_than_any_is_not_looked_for() -> None:
    assert marked("a" * 10_000, "a" * 10_000) == []


@pytest.mark.parametrize("name", ["a", "b c", "C D", "\t", "d\r\n"])
@pytest.mark.parametrize("text", ["a b c d A", "a b  c\r\nd a", "a\tb c D\r\n"])
def test_plain_letters_are_marked_as_they_are_among_others(text: str, name: str) -> None:
    assert marked(text, name) == marked(f"{text} é", name)
