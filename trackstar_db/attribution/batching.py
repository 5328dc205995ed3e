"""Batches of examples of similar length."""

from __future__ import annotations

from collections.abc import Sequence


def token_budget_batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Indices in batches whose padded size, examples x longest, stays within the budget.

    Shortest first, equal lengths in their given order. An example longer than the budget is alone.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Lengths only grow, so the newcomer is the longest of its batch.
        if batches and (len(batches[-1]) + 1) * lengths[index] <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
