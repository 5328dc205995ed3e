"""The strongest documents of each query, kept while scores pass by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NO_DOCUMENT = -1
"""Where a query has fewer documents than were asked for; its score is -inf."""


@dataclass(frozen=True)
class Ranking:
    """The strongest documents of each query in one direction.

    document_ids, scores: [query, k], strongest first; ties go to the lower document id
    """

    document_ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def rows(self, query: int) -> list[tuple[int, float]]:
        """(document_id, score) of one query, strongest first, without places that no document took."""
        pairs = zip(self.document_ids[query].tolist(), self.scores[query].tolist(), strict=True)
        return [(number, score) for number, score in pairs if np.isfinite(score)]


class Strongest:
    """The k documents of the highest score for each query so far; with sign -1 of the lowest."""

    def __init__(self, queries: int, top_k: int, sign: int = 1) -> None:
        self._top_k = top_k
        self._sign = sign
        self._document_ids = torch.empty((queries, 0), dtype=torch.int64)
        self._scores = torch.empty((queries, 0))

    def add(self, document_ids: NDArray[np.int64], scores: Tensor) -> None:
        """Take one more block into account.

        document_ids: [row], above every id seen before; scores: [query, row], -inf where a pair has none
        """
        is_scored = scores > -torch.inf
        ids = torch.from_numpy(document_ids).expand(len(scores), -1).masked_fill(~is_scored, NO_DOCUMENT)
        ids = torch.cat([self._document_ids, ids], dim=1)
        signed = (self._sign * scores).masked_fill(~is_scored, -torch.inf).float()
        scores = torch.cat([self._scores, signed], dim=1)
        order = strongest_first(scores, min(self._top_k, ids.shape[1]))
        self._document_ids = ids.gather(1, order)
        self._scores = scores.gather(1, order)

    def ranking(self) -> Ranking:
        """What was kept."""
        return Ranking(self._document_ids.numpy(), (self._sign * self._scores).numpy())


def strongest_first(scores: Tensor, k: int) -> Tensor:
    """Columns of the k largest scores of each row, ties to the left.

    topk leaves the order of ties open, so each float32 becomes an integer of the same order with the
    column in its low bits.

    scores: [query, column] float32; returns [query, k]
    """
    bits = scores.contiguous().view(torch.int32)
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(torch.int64)
    columns = torch.arange(scores.shape[1])
    return ((ordered << 32) - columns).topk(k, dim=1).indices
