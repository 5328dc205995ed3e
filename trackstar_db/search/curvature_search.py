"""The ranker of EK-FAC: gradients are computed again, document by document, and nothing is projected.

Over all documents that an encoding has a gradient of, or as a re-ranker over the best documents of another run. The
mathematics is in `attribution.kronecker` and `attribution.low_rank`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db.attribution.encoder import Encoder
from trackstar_db.attribution.kronecker import DEFAULT_CURVATURE_DAMPING
from trackstar_db.attribution.low_rank import QueryFactors, document_scores, query_factors
from trackstar_db.attribution.tokens import Piece, query_piece, tokenize_documents
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoder, nothing_encoded
from trackstar_db.encoding.kronecker_factors import kronecker_factors
from trackstar_db.errors import EncodingIncomplete, InputError
from trackstar_db.progress import progress_bar
from trackstar_db.search.ranking import Strongest
from trackstar_db.search.request import Found, SearchRequest
from trackstar_db.search.rerank import read_candidates

CHUNK_DOCUMENTS = 1024
"""Documents read, tokenized and scored together."""

Candidates = Mapping[int, NDArray[np.int64]]
"""By query, the only documents to score."""


@dataclass(frozen=True)
class CurvatureScorer:
    """Queries behind the curvature, ready to meet documents.

    query_ids: of the rows of every block
    document_ids: to be scored, ascending
    candidates: None scores every pair
    """

    connection: Connection[TupleRow]
    encoder: Encoder
    query_ids: list[int]
    factors: QueryFactors
    document_ids: NDArray[np.int64]
    candidates: Candidates | None = None

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Document ids [row], ascending over all blocks, and scores [query, row]; -inf for a pair not asked for."""
        loaded, settings = self.encoder.loaded, self.encoder.settings
        for start in range(0, len(self.document_ids), CHUNK_DOCUMENTS):
            chunk = self.document_ids[start : start + CHUNK_DOCUMENTS]
            rows = self.connection.execute(query("encode_texts"), {"document_ids": chunk.tolist()}).fetchall()
            texts = [text for _, _, text, _ in rows]
            documents = tokenize_documents(loaded.tokenizer, texts, settings.max_tokens, settings.long_documents)
            scores = document_scores(loaded, self.factors, documents, is_asked=self._is_asked(chunk))
            yield chunk, scores.T.float().contiguous()

    def _is_asked(self, document_ids: NDArray[np.int64]) -> Tensor | None:
        """[document, query], None where every pair is."""
        if self.candidates is None:
            return None
        columns = [np.isin(document_ids, self.candidates.get(number, ())) for number in self.query_ids]
        return torch.from_numpy(np.stack(columns, axis=1))


def rank_by_curvature(request: SearchRequest) -> Found:
    """The documents of the highest and of the lowest influence on each query; as a re-ranker the highest alone.

    Raises InputError for several encodings, and for a run to re-rank that has nothing of the query set.
    """
    if len(request.encodings) > 1:
        names = ", ".join(repr(encoding.name) for encoding in request.encodings)
        raise InputError(f"method {request.method.name!r} takes one encoding; given: {names}. Name one of them.")
    options = request.options
    candidates, settings, of_run = _candidates(request)
    encoding, encoder = load_encoder(request.connection, request.encodings[0].name, options.model)
    document_ids = _documents(request, encoding, candidates)
    query_ids, pieces, notices = _query_pieces(request, encoder)
    curvature = kronecker_factors(request.database, encoding, encoder)
    factors = query_factors(encoder.loaded, curvature, pieces, options.curvature_rank, DEFAULT_CURVATURE_DAMPING)
    scorer = CurvatureScorer(request.connection, encoder, query_ids, factors, document_ids, candidates)
    best, worst = Strongest(len(query_ids), options.top_k), Strongest(len(query_ids), options.top_k, -1)
    with progress_bar(len(document_ids), f"attribute {request.method.name}", "document") as bar:
        for numbers, scores in scorer.blocks():
            best.add(numbers, scores)
            worst.add(numbers, scores)
            bar.update(len(numbers))
    settings |= {
        "curvature_rank": options.curvature_rank,
        "curvature_damping": DEFAULT_CURVATURE_DAMPING,
        "kept_energy_mean": float(factors.kept_energy.mean()),
        "kept_energy_least": float(factors.kept_energy.min()),
    }
    # The lowest of another run's best documents are nobody's opponents.
    opponents = worst.ranking() if candidates is None else None
    return Found(query_ids, best.ranking(), opponents, len(document_ids), settings, None, (*of_run, *notices))


def _candidates(request: SearchRequest) -> tuple[Candidates | None, dict[str, Any], list[str]]:
    """The best documents of each query in the run that is to be re-ranked, a record of it, and notices."""
    if request.options.rerank is None:
        return None, {"rerank": None, "candidates": None}, []
    pairs, settings, notices = read_candidates(request)
    best = pairs.only(pairs.is_proponent)
    by_query = {int(number): best.document_ids[best.query_ids == number] for number in np.unique(best.query_ids)}
    return by_query, settings, notices


def _documents(request: SearchRequest, encoding: Encoding, candidates: Candidates | None) -> NDArray[np.int64]:
    """The documents to score, ascending: of those with a gradient, the candidates of any query, or all."""
    parameters = {"encoding_id": encoding.encoding_id, "corpus_id": request.corpus_id}
    stored = [number for (number,) in request.connection.execute(query("curvature_documents"), parameters)]
    document_ids = np.array(stored, dtype=np.int64)
    if candidates is not None:
        document_ids = np.intersect1d(document_ids, np.concatenate(list(candidates.values())))
    if not len(document_ids):
        raise nothing_encoded(encoding, "none of the documents to score", request.options.corpus)
    return document_ids


def _query_pieces(request: SearchRequest, encoder: Encoder) -> tuple[list[int], list[Piece], tuple[str, ...]]:
    """Numbers and tokens of the queries, and a notice of each that has no loss."""
    numbers, pieces, notices = [], [], []
    for text in request.query_texts():
        try:
            tokens = query_piece(encoder.loaded.tokenizer, text.prompt, text.target, encoder.settings.max_tokens)
        except InputError as error:
            notices.append(f"query {text.query_id} was not answered: {error}")
            continue
        numbers.append(text.query_id)
        pieces.append(tokens)
    if not pieces:
        raise EncodingIncomplete(f"no query of {request.query_set!r} can be answered: {notices[0]}")
    return numbers, pieces, tuple(notices)
