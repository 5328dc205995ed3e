"""What do fewer bytes a document cost?

The gradients that the product stores (half precision, unit norm, method `trackstar_train`) and 400 queries of the
T-REx model, as in the table of dimensions, kept in fewer bytes: MRR and recall@10 by the source's annotation, and the
share of the ten first documents that half precision at the same d finds too. A search multiplies the query's numbers
with what is kept, over its norm. `signs` and `2 bits` are as `--bits 1` and `--bits 2` store them; `candidates` are
documents that signs propose and half precision ranks (the bytes are of the signs alone); `rank c` keeps each k × k
block by c pairs of singular vectors in half precision (LoRIF), taken after R^(-1/2) or before it. The ratio is that of
the MRR to the MRR of half precision at the same d, with a 95 % bootstrap interval over the queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.bench import representations
from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement
from tests.bench.quality import DEFAULT, QUERIES, Recipe, encode, load_facts, ratio_of_means
from tests.bench.representations import Representation
from trackstar_db.attribution.autocorrelation import root_of_inverse
from trackstar_db.database.names import query_set_id
from trackstar_db.encoding.encodings import Encoding, load_autocorrelation, load_encoding
from trackstar_db.encoding.gradient_reader import GradientReader
from trackstar_db.search.encoded_queries import encoded_queries
from trackstar_db.search.ranking import strongest_first
from trackstar_db.store import Store

STORED = 100  # proponents of a run, as MRR sees them
CANDIDATES = (50, 100, 500)
RANKS = (1, 2, 4)
ROWS = 512
REFERENCE = "MRR of half precision at the same d"


def compression_3872(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """The default: 8 blocks of rank 22."""
    return _measure("compression_3872", store, corpus, DEFAULT)


def compression_15488(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """8 blocks of rank 44."""
    return _measure("compression_15488", store, corpus, Recipe(8, 44))


def compression_65348(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """17 blocks of rank 62."""
    return _measure("compression_65348", store, corpus, Recipe(17, 62))


@dataclass(frozen=True)
class _Gradients:
    """All gradients of an encoding, and the queries that are asked.

    rows: [document, d] half precision; queries: [query, d] unit norm; is_correct: [query, document]
    """

    rows: NDArray[np.float16]
    queries: Tensor
    is_correct: Tensor

    def scores(self, representation: Representation) -> Tensor:
        """[query, document], with what is kept at unit norm."""
        side = torch.nn.functional.normalize(representation.side(self.queries), dim=1)
        parts = []
        for start in range(0, len(self.rows), ROWS):
            kept = representation.kept(torch.from_numpy(self.rows[start : start + ROWS]).float())
            parts.append(side @ torch.nn.functional.normalize(kept, dim=1).T)
        return torch.cat(parts, dim=1)

    @cached_property
    def exact(self) -> Tensor:
        """The scores of half precision, [query, document]."""
        return self.scores(representations.half(self.rows.shape[1]))

    def reranked(self, scores: Tensor, candidates: int) -> Tensor:
        """The exact scores of the candidates that other scores propose; of the others minus infinity."""
        proposed = strongest_first(scores, candidates)
        return torch.full_like(scores, -torch.inf).scatter(1, proposed, self.exact.gather(1, proposed))

    def reciprocal_ranks(self, scores: Tensor) -> NDArray[np.float64]:
        """1 / rank of each query's first correct document among those stored, or 0."""
        found = strongest_first(scores, STORED)
        is_correct = self.is_correct.gather(1, found) & scores.gather(1, found).isfinite()
        values: NDArray[np.float64] = (is_correct / torch.arange(1, STORED + 1)).amax(1).double().numpy()
        return values

    def overlap(self, scores: Tensor) -> float:
        """The share of half precision's ten first documents that are among the ten first of the scores."""
        ours, theirs = strongest_first(scores, 10), strongest_first(self.exact, 10)
        return float((ours[:, :, None] == theirs[:, None, :]).any(2).float().mean())


def _measure(benchmark: str, store: Store, corpus: BenchCorpus, recipe: Recipe) -> list[Measurement]:
    load_facts(store, corpus)
    encode(store, corpus, recipe)
    encoding = store.encoding(recipe.name)
    gradients = _gradients(store, encoding)
    reference = gradients.reciprocal_ranks(gradients.exact)
    measured = []
    for name, bytes_per_document, scores in _ways(store, recipe, gradients):
        values = gradients.reciprocal_ranks(scores)
        ratio, spread = ratio_of_means(values, reference)
        extra = {
            "d": recipe.dimension,
            "blocks": recipe.blocks,
            "block_rank": recipe.block_rank,
            "kept": name,
            "bytes_per_document": bytes_per_document,
            "mrr": float(values.mean()),
            "recall_at_10": float((values >= 0.1).mean()),
            "same_ten": gradients.overlap(scores),
        }
        measured.append(Measurement(benchmark, ratio, spread, REFERENCE, extra=extra))
    return measured


def _ways(store: Store, recipe: Recipe, gradients: _Gradients) -> Iterator[tuple[str, int, Tensor]]:
    """Each way of keeping the gradients: its name, its bytes a document, and its scores."""
    d, k, blocks = recipe.dimension, recipe.block_rank, recipe.blocks
    yield "half", 2 * d, gradients.exact
    for way in (representations.eight_bits(d), representations.four_bits(d), representations.codes(d, 2)):
        yield way.name, way.bytes_per_document, gradients.scores(way)
    for way in (representations.codes(d, 1), representations.rotated_signs(d), representations.signs_of_both(d)):
        scores = gradients.scores(way)
        yield way.name, way.bytes_per_document, scores
        for candidates in CANDIDATES:
            yield f"{way.name}, {candidates} candidates", way.bytes_per_document, gradients.reranked(scores, candidates)
    for rank in RANKS:
        way = representations.factors(blocks, k, rank)
        yield way.name, way.bytes_per_document, gradients.scores(way)
    with store.database.connect() as connection:
        inverse_roots, _ = load_autocorrelation(connection, load_encoding(connection, recipe.name))
    roots = root_of_inverse(inverse_roots, torch.float32)
    for rank in RANKS:
        way = representations.factors_before_whitening(roots, inverse_roots, k, rank)
        yield way.name, way.bytes_per_document, gradients.scores(way)


def _gradients(store: Store, encoding: Encoding) -> _Gradients:
    with store.database.connect() as connection:
        blocks = list(GradientReader(connection, encoding, with_norms=False).blocks())
        set_id = query_set_id(connection, QUERIES)
        queries = encoded_queries(connection, encoding, set_id, QUERIES)
        pairs = connection.execute(
            "SELECT q.query_id, a.document_id FROM tda.query q JOIN tda.annotation a USING (fact_id) "
            "WHERE q.query_set = %s",
            [QUERIES],
        ).fetchall()
    document_ids = np.concatenate([block.document_ids for block in blocks])
    places = {number: place for place, number in enumerate(document_ids.tolist())}
    asked = {number: place for place, number in enumerate(queries.query_ids)}
    is_correct = torch.zeros(len(asked), len(places), dtype=torch.bool)
    for query_id, document_id in pairs:
        if query_id in asked and document_id in places:
            is_correct[asked[query_id], places[document_id]] = True
    rows = np.concatenate([block.gradients for block in blocks])
    return _Gradients(rows, torch.nn.functional.normalize(queries.gradients, dim=1), is_correct)


FULL = (compression_3872, compression_15488, compression_65348)
