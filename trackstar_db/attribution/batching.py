"""Batches of examples of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trackstar_db.attribution.tokens import Piece, TokenizedDocument


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


def piece_batches(documents: Sequence[TokenizedDocument], token_budget: int) -> Iterator[tuple[list[int], list[Piece]]]:
    """The documents' pieces in batches: for each piece the index of its document, and the piece."""
    pieces = [(owner, piece) for owner, document in enumerate(documents) for piece in document.pieces]
    for batch in token_budget_batches([len(piece.token_ids) for _, piece in pieces], token_budget):
        yield [pieces[index][0] for index in batch], [pieces[index][1] for index in batch]
