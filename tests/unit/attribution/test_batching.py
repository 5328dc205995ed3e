"""Token-budget batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trackstar_db.attribution.batching import token_budget_batches


@given(st.lists(st.integers(1, 50)), st.integers(1, 200))
def test_every_example_is_in_one_batch_and_no_batch_of_several_exceeds_the_budget(lengths, budget):
    batches = token_budget_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


def test_batches_go_from_short_to_long_and_keep_the_order_of_equals():
    assert token_budget_batches([5, 2, 5, 2, 9, 5], 10) == [[1, 3], [0, 2], [5], [4]]


def test_an_example_longer_than_the_budget_is_alone():
    assert token_budget_batches([100, 3, 200], 10) == [[1], [0], [2]]


def test_nothing_gives_no_batch():
    assert token_budget_batches([], 10) == []
