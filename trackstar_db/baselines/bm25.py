"""BM25 over the words of prompt and target, by the library bm25s."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from trackstar_db.baselines.documents import document_blocks, document_count
from trackstar_db.errors import ExtraMissing
from trackstar_db.progress import progress_bar
from trackstar_db.search.ranking import NO_DOCUMENT, Ranking, strongest_first
from trackstar_db.search.request import Found, SearchRequest


def rank_by_words(request: SearchRequest) -> Found:
    """The documents of the highest BM25 score for each query; documents that share no word are not ranked.

    A word has two letters or digits at least: what has none, such as `2+2=`, shares no word with anything.
    """
    queries = request.query_texts()
    numbers: list[int] = []
    texts: list[str] = []
    for block_numbers, block_texts in document_blocks(request):
        numbers.extend(block_numbers)
        texts.extend(block_texts)
    count = document_count(request)
    library, scores_of = _index(texts)
    ids = np.array(numbers, dtype=np.int64)
    width = min(request.options.top_k, count)
    document_ids = np.empty((len(queries), width), dtype=np.int64)
    scores = np.empty((len(queries), width), dtype=np.float32)
    with progress_bar(len(queries), "attribute bm25", "query") as bar:
        for row, text in enumerate(queries):
            found = scores_of(f"{text.prompt} {text.target}")
            order = strongest_first(torch.from_numpy(found)[None], width)[0].numpy()
            scores[row] = found[order]
            document_ids[row] = ids[order]
            bar.update()
    is_none = scores <= 0
    ranking = Ranking(np.where(is_none, NO_DOCUMENT, document_ids), np.where(is_none, -np.inf, scores))
    return Found([text.query_id for text in queries], ranking, None, count, {"library": library})


def _index(texts: list[str]) -> tuple[str, Callable[[str], NDArray[np.float32]]]:
    """What the scores are of, and what gives every text its score for a query."""
    try:
        import bm25s  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise ExtraMissing("method bm25", "baselines") from error

    def tokenize(texts: list[str]) -> list[list[str]]:
        return bm25s.tokenize(texts, stopwords=None, return_ids=False, show_progress=False)  # type: ignore[no-any-return]

    def scores_of(asked: str) -> NDArray[np.float32]:
        (words,) = tokenize([asked])
        if not (words and has_words):
            return np.zeros(len(texts), dtype=np.float32)
        scores: NDArray[np.float32] = retriever.get_scores(words).astype(np.float32)
        return scores

    retriever = bm25s.BM25()
    tokens = tokenize(texts)
    has_words = any(tokens)
    if has_words:  # bm25s fails without, and for a query without
        retriever.index(tokens, show_progress=False)
    return f"bm25s, {retriever.method}, k1 {retriever.k1}, b {retriever.b}", scores_of
