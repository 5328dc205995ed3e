"""The language of filters: what it means in SQL, what it refuses, and that nothing of a text becomes SQL."""

from __future__ import annotations

import random
import re

import pytest

from tests.hostile_filters import hostile_filters
from trackstar_db.viewer.filters import FIELDS, KINDS, PRESETS, FilterError, clause, combined, parse_filter


def meaning(text: str) -> tuple[str, list[object]]:
    """The condition without quotation marks, and its values as they stand in the text."""
    found = parse_filter(text)
    return re.sub(r'"|%\(f\d+\)s', lambda mark: "" if mark[0] == '"' else "?", found.condition.as_string(None)), list(
        found.parameters.values()
    )


@pytest.mark.parametrize(
    ("text", "condition", "values"),
    [
        ("", "true", []),
        ("  \n ", "true", []),
        ("correct", "o.is_correct", []),
        ("not correct", "NOT (o.is_correct)", []),
        ("correct = no", "o.is_correct = ?::boolean", [False]),
        ("CORRECT AND Confidence>.5", "(o.is_correct AND o.confidence > ?)", [0.5]),
        ("bucket >= 3 or ais < 1e-3", "(o.frequency_bucket >= ? OR o.best_ais_score < ?)", [3, 0.001]),
        (
            "correct and mrr = 1 or recall = 0 and not annotated",
            "((o.is_correct AND o.reciprocal_rank = ?) OR (o.recall_at_10 = ? AND NOT (o.has_annotated_document)))",
            [1, 0],
        ),
        (
            "correct and (mrr = 1 or recall = 0)",
            "(o.is_correct AND (o.reciprocal_rank = ? OR o.recall_at_10 = ?))",
            [1, 0],
        ),
        ('prompt contains "Père"', "strpos(lower(o.prompt), lower(?::text)) > 0", ["Père"]),
        (r"""target != 'a "b" \' \\' """, "o.target <> ?::text", ["""a "b" ' \\"""]),
        ("bucket in (1, 2.5)", "o.frequency_bucket = ANY (?::numeric[])", [[1, 2.5]]),
        ('id in ("a","b")', "o.external_id = ANY (?::text[])", [["a", "b"]]),
        ("frequency is empty", "o.fact_frequency IS NULL", []),
        ("relation is not empty", "o.relation IS NOT NULL", []),
        ("(((correct)))", "o.is_correct", []),
        ("tail_patch < -0.5", "o.tail_patch_delta < ?", [-0.5]),
    ],
)
def test_a_filter_means(text: str, condition: str, values: list[object]) -> None:
    assert meaning(text) == (condition, values)


@pytest.mark.parametrize(
    ("text", "said", "position"),
    [
        ("confidence >", "too soon; expected a number", 12),
        ("correct and", "too soon", 11),
        ("correct or or mrr = 1", "'mrr' does not fit", 14),
        ("recal = 1", "did you mean recall?", 0),
        ("nothing_like_it", "there are id, query", 0),
        ("prompt > 3", "prompt is a text, and > compares numbers", 7),
        ('confidence contains "x"', "only a text contains", 11),
        ('bucket = "3"', "bucket is a number", 9),
        ("relation = 3", "relation is a text", 11),
        ("bucket", "needs a comparison, such as bucket >= 1", 0),
        ("confidence > 1e999", "too large", 13),
        ('prompt contains "abc', "never closed", 16),
        ("correct; DROP TABLE x", "';' does not fit", 7),
        ("correct)", "')' does not fit", 7),
        ("(" * 40 + "correct" + ")" * 40, "more than 30 brackets", 9),
        ("not " * 40 + "correct", "more than 30 brackets", 36),
        ("bucket = 3x", "does not fit", 9),
        ("id = 'a\0b'", "none that a text can hold", 7),
        ("id = '\ud800'", "none that a text can hold", 6),
        ("correct or " * 300 + "correct", "at most 2,000", 2000),
    ],
)
def test_what_is_no_filter_is_told_with_its_place(text: str, said: str, position: int) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    assert said in str(error.value)
    assert error.value.position == position


def test_presets_and_kinds_are_filters() -> None:
    for preset in (*PRESETS, *KINDS):
        assert parse_filter(preset.text).fields
    assert meaning(PRESETS[1].text) == ("(o.is_correct AND o.confidence > ?)", [0.5])


def test_a_filter_knows_which_fields_it_asks_about() -> None:
    assert parse_filter('bucket = 1 and not (RELATION = "x" or mrr is empty)').fields == {"bucket", "relation", "mrr"}


@pytest.mark.parametrize(
    "value", ['a"b\\c', "", "x' or 1=1 --", "{{7*7}}", "%(f1)s", "名前 😀", 3, 0.25, None, True, False]
)
def test_a_clause_is_a_filter_by_that_value(value: str | float | bool | None) -> None:
    name = {str: "relation", bool: "correct"}.get(type(value), "bucket")
    found = parse_filter(clause(name, value))
    assert found.fields == {name}
    assert list(found.parameters.values()) == ([] if value is None or isinstance(value, bool) else [value])


def test_combined_filters_leave_what_each_leaves() -> None:
    assert meaning(combined("mrr = 1 or recall = 0", " ", "correct")) == (
        "((o.reciprocal_rank = ? OR o.recall_at_10 = ?) AND o.is_correct)",
        [1, 0],
    )
    assert combined("", "correct ", "") == "correct"
    assert combined() == ""


def test_ten_thousand_random_and_hostile_texts_are_filters_or_told_why_not_and_none_becomes_sql() -> None:
    columns = {str(field.column) for field in FIELDS}
    words = {"o", "NOT", "AND", "OR", "ANY", "IS", "NULL", "true", "strpos", "lower", "text", "numeric", "boolean"}
    understood, refused = 0, []
    for text in hostile_filters(random.Random(6), 10_000):
        try:
            found = parse_filter(text)
        except FilterError as error:
            refused.append(error)
            continue
        understood += 1
        if found.fields & {"task", "kind"}:
            continue  # statements of ours, from files
        condition = re.sub(r"%\(f\d+\)s", "", found.condition.as_string(None))
        assert set(re.findall(r"\w+", condition)) <= columns | words | {"0"}
        assert not re.search(r"""[^\w\s().,:"<>=\[\]]""", condition)
    assert 2_000 < understood < 8_000
    for error in refused:
        assert 0 <= error.position <= len(error.text)
        assert 0 < len(str(error)) < 400
