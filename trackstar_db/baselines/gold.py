"""The annotated documents themselves, as a bound on attribution and a control for influence."""

from __future__ import annotations

import numpy as np

from trackstar_db.baselines.documents import document_count
from trackstar_db.database.queries import query
from trackstar_db.errors import InputError
from trackstar_db.search.ranking import NO_DOCUMENT, Ranking
from trackstar_db.search.request import Found, SearchRequest


def rank_by_annotations(request: SearchRequest) -> Found:
    """The documents that the source says state each query's fact, all with score 1, in the order they were loaded."""
    query_ids = [text.query_id for text in request.query_texts() if text.fact_id is not None]
    if not query_ids:
        raise InputError(
            f"no query of {request.query_set!r} asks for a fact, and only facts are annotated. Choose another method."
        )
    annotated: dict[int, list[int]] = {number: [] for number in query_ids}
    parameters = {"query_set_id": request.query_set_id, **request.document_parameters}
    for query_id, document_id in request.connection.execute(query("annotated_documents"), parameters):
        annotated[query_id].append(document_id)
    width = min(max(map(len, annotated.values())), request.options.top_k)
    document_ids = np.full((len(query_ids), width), NO_DOCUMENT, dtype=np.int64)
    for row, numbers in enumerate(annotated.values()):
        document_ids[row, : len(numbers)] = numbers[:width]
    scores = np.where(document_ids == NO_DOCUMENT, -np.inf, 1.0).astype(np.float32)
    return Found(query_ids, Ranking(document_ids, scores), None, document_count(request))
