"""The strongest documents of each query, kept while scores pass by."""

from __future__ import annotations

from collections.abc import Sequence
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
    """The k documents of the highest score for each query so far; with sign -1 of the lowest.

    A query's k-th score so far is a bar: once it is there, few scores of a block are above it, and the others are
    compared and forgotten. Memory: 12 bytes x queries x k, and a few times that while blocks come in.
    """

    def __init__(self, queries: int, top_k: int, sign: int = 1) -> None:
        self._top_k = top_k
        self._sign = sign
        self._document_ids = torch.empty((queries, 0), dtype=torch.int64)
        self._scores = torch.empty((queries, 0))  # times the sign
        self._candidates: list[tuple[Tensor, Tensor]] = []  # above the bar, not yet compared with one another

    def add(self, document_ids: NDArray[np.int64], scores: Tensor) -> None:
        """Take one more block into account.

        document_ids: [row], above every id seen before; scores: [query, row], -inf where a pair has none
        """
        has_bar = self._scores.shape[1] == self._top_k
        found = (self._above_the_bar if has_bar else self._scored)(torch.from_numpy(document_ids), scores)
        self._candidates.append(found)
        if not has_bar or sum(ids.shape[1] for ids, _ in self._candidates) >= self._top_k:
            self._settle()

    def ranking(self) -> Ranking:
        """What was kept."""
        self._settle()
        return Ranking(self._document_ids.numpy(), (self._sign * self._scores).numpy())

    def resume(self, ranking: Ranking) -> None:
        """Nothing; go on from what was kept before."""
        self._document_ids = torch.from_numpy(ranking.document_ids)
        self._scores = self._sign * torch.from_numpy(ranking.scores)

    def _scored(self, document_ids: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Ids and signed scores of a whole block, [query, row]."""
        is_scored = scores > -torch.inf
        ids = document_ids.expand(len(scores), -1).masked_fill(~is_scored, NO_DOCUMENT)
        return ids, (self._sign * scores).masked_fill(~is_scored, -torch.inf).float()

    def _above_the_bar(self, document_ids: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The same of what is above the bar: an equal score goes to the lower id, which was there before."""
        bar = self._sign * self._scores[:, -1:]
        is_above = scores > bar if self._sign > 0 else (scores < bar).logical_and_(scores > -torch.inf)
        found = torch.from_numpy(np.flatnonzero(is_above.numpy()))  # several times as fast as nonzero
        rows = found // scores.shape[1]
        counts = torch.bincount(rows, minlength=len(scores))
        places = torch.arange(len(rows)) - (counts.cumsum(0) - counts)[rows]
        shape = (len(scores), int(counts.max()))
        ids, signed = torch.full(shape, NO_DOCUMENT), torch.full(shape, -torch.inf)
        ids[rows, places] = document_ids[found % scores.shape[1]]
        signed[rows, places] = self._sign * scores.flatten()[found].float()
        return ids, signed

    def _settle(self) -> None:
        """Nothing; the strongest of what was kept and of the candidates are kept."""
        ids, scores = zip((self._document_ids, self._scores), *self._candidates, strict=True)
        self._candidates = []
        all_ids, all_scores = torch.cat(ids, dim=1), torch.cat(scores, dim=1)
        order = strongest_first(all_scores, min(self._top_k, all_ids.shape[1]))
        self._document_ids, self._scores = all_ids.gather(1, order), all_scores.gather(1, order)


def joined(rankings: Sequence[Ranking]) -> Ranking:
    """The rankings of queries that were answered one group after the other."""
    if len(rankings) == 1:
        return rankings[0]
    return Ranking(
        np.concatenate([ranking.document_ids for ranking in rankings]),
        np.concatenate([ranking.scores for ranking in rankings]),
    )


def strongest_first(scores: Tensor, k: int) -> Tensor:
    """Columns of the k largest scores of each row, ties to the left.

    topk leaves the order of ties open, so each float32 becomes an integer of the same order with the
    column in its low bits.

    scores: [query, column] float32; returns [query, k]
    """
    bits = (scores + 0.0).view(torch.int32)  # -0.0 is no less than 0.0
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(torch.int64)
    columns = torch.arange(scores.shape[1])
    return ((ordered << 32) - columns).topk(k, dim=1).indices
