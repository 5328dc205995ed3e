"""One pass over the stored gradients for a group of queries: read, multiplied, ranked, and kept now and then.

Memory does not grow with the documents or the queries: gradients are read a block at a time (BLOCK_BYTES each, a few
ahead), scores are made SCORES_AT_ONCE at a time, and the queries of one pass take PASS_BYTES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackstar_db.encoding.gradient_reader import GradientBlock, Span
from trackstar_db.encoding.read_ahead import read_ahead
from trackstar_db.search.ranking import Ranking, Strongest
from trackstar_db.search.request import SearchRequest
from trackstar_db.search.scoring import GradientScorer
from trackstar_db.search.task_parts import TaskNorms
from trackstar_db.search.unfinished import Position, SearchRecord

PASS_BYTES = 512 * 2**20
"""What the queries of one pass may take; with more of them gradients are read once more for each further group."""

SCORES_AT_ONCE = 2**22
"""Scores of queries and documents that are there at a time."""

_SIDE_COPIES = 2  # what a gradient is multiplied with, and what it is made from
_KEPT_BYTES = 60  # of one of the strongest: number and score, in both directions, and while they are settled


def queries_at_once(dimension: int, top_k: int) -> int:
    """How many queries one pass is for."""
    return max(1, PASS_BYTES // (_SIDE_COPIES * 4 * dimension + _KEPT_BYTES * top_k))


class GradientPass:
    """The strongest documents of a group of queries, in both directions.

    scorers: of each encoding, with the queries of the group alone
    norms: of each encoding's task, to write the norms to that documents lack under it
    number: of the pass, from 0
    """

    def __init__(
        self,
        request: SearchRequest,
        scorers: Sequence[GradientScorer],
        norms: Sequence[TaskNorms],
        search: SearchRecord,
        number: int,
    ) -> None:
        self._request = request
        self._scorers = list(scorers)
        self._norms = norms
        if norms:
            self._scorers = [
                replace(scorer, on_norms=of_task.add) for scorer, of_task in zip(scorers, norms, strict=True)
            ]
        self._search = search
        self._number = number
        queries, top_k = len(scorers[0].query_ids), request.options.top_k
        self._best, self._worst = Strongest(queries, top_k), Strongest(queries, top_k, -1)

    def run(self, spans: Sequence[Span], position: Position, on_read: Callable[[int], object]) -> Position:
        """The position behind this pass, which goes on from a position in it.

        on_read: told how many documents have been read
        """
        if found := self._search.found(self._number):
            self._best.resume(found[0])
            self._worst.resume(found[1])
        left = spans[position.spans_read :]
        readers = [scorer.reader for scorer in self._scorers]
        with closing(read_ahead(self._request.database, readers, left)) as blocks_of_spans:
            for _, blocks in blocks_of_spans:
                documents = 0
                for document_ids, scores in averaged_scores(self._scorers, blocks):
                    self._best.add(document_ids, scores)
                    self._worst.add(document_ids, scores)
                    documents += len(document_ids)
                on_read(documents)
                position = replace(
                    position,
                    spans_read=position.spans_read + 1,
                    documents_read=position.documents_read + documents,
                )
                if self._search.is_due and position.spans_read < len(spans):
                    self._save(position)
        position = replace(position, passes_done=self._number + 1, spans_read=0)
        self._save(position, is_end=True)
        return position

    def found(self) -> tuple[Ranking, Ranking]:
        """Proponents and opponents."""
        return self._best.ranking(), self._worst.ranking()

    def _save(self, position: Position, is_end: bool = False) -> None:
        """Nothing; norms are written, and how far the search came, unless it was over before that was worth it."""
        for norms in self._norms:
            norms.flush()
        if not is_end or self._search.keeps_ends:
            self._search.save(position, self._number, self.found())


def averaged_scores(
    scorers: Sequence[GradientScorer], blocks: Sequence[GradientBlock]
) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """Ids [row] and mean scores [query, row] of the documents that every scorer has, a few at a time.

    Scores are valid until the next are asked for.
    """
    blocks = [scorer.complete(block) for scorer, block in zip(scorers, blocks, strict=True)]
    shared = blocks[0].document_ids
    for other in blocks[1:]:
        shared = np.intersect1d(shared, other.document_ids, assume_unique=True)
    rows = max(1, SCORES_AT_ONCE // len(scorers[0].side))
    parts = [block.among(shared) for block in blocks]
    for start in range(0, len(shared), rows):
        stretch = slice(start, start + rows)
        scores = [scorer.scores(part.rows(stretch)) for scorer, part in zip(scorers, parts, strict=True)]
        mean = scores[0] if len(scores) == 1 else torch.stack(scores).mean(0)
        yield shared[stretch], mean
