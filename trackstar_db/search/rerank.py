"""Re-ranking: only the best documents of another run are scored, by a method that costs more for each.

Each candidate's gradient is read once for as many queries as memory is meant for (`gradient_pass.PASS_BYTES`),
whichever of them ask for it. Beside those queries memory holds GRADIENT_NUMBERS of candidates' gradients and as many
scores, and a score for each pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from trackstar_db.database.binary_copy import copied_rows
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import nothing_encoded
from trackstar_db.encoding.gradient_reader import EVERY_DOCUMENT
from trackstar_db.errors import InputError
from trackstar_db.progress import progress_bar
from trackstar_db.search.gradient_pass import queries_at_once
from trackstar_db.search.gradient_search import answerable_queries, gradient_scorers, tasks_of
from trackstar_db.search.ranking import NO_DOCUMENT, Ranking, joined
from trackstar_db.search.request import Found, SearchRequest
from trackstar_db.search.runs import require_run
from trackstar_db.search.scoring import GradientScorer

GRADIENT_NUMBERS = 1 << 24
"""Numbers of candidates' gradients in memory at a time, 64 MB of float32: 256 documents at 65,348, 4,332 at 3,872."""

_ROW = np.dtype(
    [("fields", ">i2"), ("query_bytes", ">i4"), ("query", ">i8"), ("document_bytes", ">i4"), ("document", ">i8"),
     ("proponent_bytes", ">i4"), ("proponent", "?"), ("opponent_bytes", ">i4"), ("opponent", "?")]
)  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """Pairs to score, in the order of documents and then queries, each once.

    query_ids, document_ids: [pair]; is_proponent, is_opponent: [pair], in which direction the other run has it
    """

    query_ids: NDArray[np.int64]
    document_ids: NDArray[np.int64]
    is_proponent: NDArray[np.bool_]
    is_opponent: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> Candidates:
        """Some of the pairs."""
        return Candidates(*(part[kept] for part in vars(self).values()))


def rerank_by_gradients(request: SearchRequest) -> Found:
    """The candidates of the highest and of the lowest score for each query: its best and its last in another run.

    Without opponents where the other run has none. Raises as `read_candidates`, and EncodingIncomplete.
    """
    candidates, settings, notices = read_candidates(request)
    encoded, of_queries = answerable_queries(request)
    asked = np.intersect1d(encoded, candidates.query_ids)
    if len(asked) < len(encoded):
        notices.append(f"{len(encoded) - len(asked)} queries have no document in run {request.options.rerank!r}")
    candidates = candidates.only(np.isin(candidates.query_ids, asked))
    tasks = tasks_of(request)
    rankings: list[tuple[Ranking, Ranking]] = []
    documents: set[int] = set()
    with progress_bar(len(candidates.document_ids), f"rerank {request.method.name}", "pair") as bar:
        for group in _groups(request, asked):
            scorers = gradient_scorers(request, tasks, group.tolist())
            pairs = candidates.only(np.isin(candidates.query_ids, group))
            scores = _scores(scorers, pairs, bar.update)
            documents.update(pairs.document_ids[np.isfinite(scores)].tolist())
            rankings.append(_rankings(pairs, group, scores, request.options.top_k))
    if not documents:
        raise nothing_encoded(request.encodings[0], f"none of the documents of run {request.options.rerank!r}")
    missing = len(np.unique(candidates.document_ids)) - len(documents)
    if missing and request.documents == EVERY_DOCUMENT:
        names = ", ".join(repr(encoding.name) for encoding in request.encodings)
        notices.append(f"{missing} documents of run {request.options.rerank!r} are not encoded by {names}: not ranked")
    best, worst = (joined(parts) for parts in zip(*rankings, strict=True))
    if tasks:
        settings |= {"task": tasks[0].name, "mixing_lambda": tasks[0].mixing_lambda}
    return Found(
        asked.tolist(),
        best,
        worst if candidates.is_opponent.any() else None,
        len(documents),
        settings,
        tasks[0].task_id if tasks else None,
        tuple(dict.fromkeys([*notices, *(notice for task in tasks for notice in task.notices), *of_queries])),
    )


def read_candidates(request: SearchRequest) -> tuple[Candidates, dict[str, object], list[str]]:
    """The best and the last documents of each query in the run that is to be re-ranked, a record of it, and notices.

    Raises NotFound for a run that is not there, InputError for one without anything of the query set.
    """
    options, connection = request.options, request.connection
    name = str(options.rerank)
    require_run(connection, name)
    wanted = options.candidates_for(request.method)
    parameters = {"run": name, "query_set_id": request.query_set_id, "candidates": wanted}
    with connection.cursor().copy(query("rerank_candidates"), parameters) as copy:
        rows = np.frombuffer(copied_rows(copy), _ROW)
    if not len(rows):
        raise InputError(
            f"run {name!r} has no proponent of a query of {request.query_set!r}, so there is nothing to "
            f"re-rank. Name one run over that query set."
        )
    columns = (rows["query"].astype(np.int64), rows["document"].astype(np.int64), rows["proponent"], rows["opponent"])
    kept, documents = connection.execute(query("rerank_run"), {"run": name}).fetchone() or (0, 0)
    notices = []
    if kept < min(wanted, documents):
        notices.append(
            f"run {name!r} keeps {kept:,} documents of each query, fewer than the {wanted:,} "
            f"candidates that were asked for. Make it with --top-k {wanted} to have more of them."
        )
    return Candidates(*columns), {"rerank": name, "candidates": wanted}, notices


def _groups(request: SearchRequest, query_ids: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The queries, as many at a time as memory is meant for."""
    size = queries_at_once(
        max(encoding.dimension for encoding in request.encodings), request.options.candidates_for(request.method)
    )
    for start in range(0, len(query_ids), size):
        yield query_ids[start : start + size]


def _scores(
    scorers: Sequence[GradientScorer], pairs: Candidates, on_scored: Callable[[int], object]
) -> NDArray[np.float32]:
    """The mean score of each pair over the scorers; -inf where a document has no gradient to rank.

    on_scored: told how many pairs each batch of documents had
    """
    documents, starts = np.unique(pairs.document_ids, return_index=True)
    starts = np.append(starts, len(pairs.document_ids))
    at_once = max(1, GRADIENT_NUMBERS // max(max(scorer.side.shape) for scorer in scorers))
    scores = np.empty(len(pairs.document_ids), dtype=np.float32)
    for first in range(0, len(documents), at_once):
        batch = documents[first : first + at_once]
        stretch = slice(starts[first], starts[first + len(batch)])
        scores[stretch] = np.mean([_pair_scores(scorer, batch, pairs, stretch) for scorer in scorers], axis=0)
        on_scored(int(stretch.stop - stretch.start))
    return scores


def _pair_scores(
    scorer: GradientScorer, batch: NDArray[np.int64], pairs: Candidates, stretch: slice
) -> NDArray[np.float32]:
    """Scores [pair] of the pairs of a batch of documents."""
    query_ids, document_ids = pairs.query_ids[stretch], pairs.document_ids[stretch]
    block = scorer.complete(scorer.reader.read_documents(batch))
    scores = np.full(len(document_ids), -np.inf, dtype=np.float32)
    is_there = np.isin(document_ids, block.document_ids)
    asked, rows = np.unique(query_ids[is_there], return_inverse=True)
    columns = np.searchsorted(block.document_ids, document_ids[is_there])
    if len(asked):
        side = scorer.side[torch.from_numpy(np.searchsorted(scorer.query_ids, asked)).to(scorer.side.device)]
        found = replace(scorer, query_ids=asked.tolist(), side=side).scores(block).numpy()
        scores[is_there] = found[rows, columns]
    return scores


def _rankings(
    pairs: Candidates, query_ids: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[Ranking, Ranking]:
    """The k proponents of the highest and the k opponents of the lowest score of each query.

    query_ids: in the order of the rankings' rows; scores: [pair]
    """
    is_best, is_worst = (np.isfinite(scores) & part for part in (pairs.is_proponent, pairs.is_opponent))
    worst = _ranking(pairs.only(is_worst), query_ids, -scores[is_worst], k)
    return _ranking(pairs.only(is_best), query_ids, scores[is_best], k), Ranking(worst.document_ids, -worst.scores)


def _ranking(pairs: Candidates, all_queries: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Ranking:
    """The k documents of the highest score of each query; ties go to the lower document id.

    scores: [pair]
    """
    rows = np.searchsorted(all_queries, pairs.query_ids)
    order = np.lexsort((pairs.document_ids, -scores, rows))
    rows = rows[order]
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = order[places < k]
    rows, places = rows[places < k], places[places < k]
    ranking = Ranking(
        np.full((len(all_queries), k), NO_DOCUMENT), np.full((len(all_queries), k), -np.inf, dtype=np.float32)
    )
    ranking.document_ids[rows, places] = pairs.document_ids[kept]
    ranking.scores[rows, places] = scores[kept]
    return ranking
