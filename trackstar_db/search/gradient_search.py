"""The ranker of gradient methods: an exact search over the stored gradients of one encoding or more.

What a method compares, and how, is told in `trackstar_db.search.scoring`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackstar_db.attribution.autocorrelation import by_block, root_of_inverse
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_autocorrelation
from trackstar_db.encoding.gradient_reader import GradientBlock, GradientReader
from trackstar_db.errors import EncodingIncomplete
from trackstar_db.progress import progress_bar
from trackstar_db.search.ranking import Strongest
from trackstar_db.search.request import Found, SearchRequest
from trackstar_db.search.scoring import query_side
from trackstar_db.search.tasks import Task, encoded_queries, queries_missing, task_for, task_queries, task_root


@dataclass(frozen=True)
class GradientScorer:
    """Scores of one encoding's documents.

    query_ids: of the rows of side; side: [query, d], what a stored gradient is multiplied with
    root: A^(1/2), [block, k², k²], where documents' norms are not stored with the task; None for the identity
    """

    reader: GradientReader
    is_unit_norm: bool
    query_ids: list[int]
    side: Tensor
    root: Tensor | None
    notices: tuple[str, ...]

    def scores(self, block: GradientBlock) -> Tensor:
        """[query, row] float32."""
        gradients = torch.from_numpy(block.gradients.astype(np.float32)).to(self.side.device)
        scores = self.side @ gradients.T
        if not self.is_unit_norm:
            scale = torch.from_numpy(block.norms)
        elif self.reader.task_id is not None:
            scale = 1 / torch.from_numpy(block.task_norms)
        elif self.root is not None:
            scale = 1 / torch.linalg.vector_norm(by_block(self.root, gradients), dim=1)
        else:
            return scores.cpu()
        return (scores * scale.to(scores)).cpu()


def rank_by_gradients(request: SearchRequest) -> Found:
    """The documents of the highest and of the lowest score for each query that has a gradient."""
    notices: list[str] = []
    tasks: list[Task] = []
    scorers = [_scorer(request, encoding, tasks) for encoding in request.encodings]
    count = min(_searchable_documents(request, encoding, notices) for encoding in request.encodings)
    shared = _shared_queries(scorers)
    best, worst = Strongest(len(shared), request.options.top_k), Strongest(len(shared), request.options.top_k, -1)
    documents = 0
    with progress_bar(count, f"attribute {request.method.name}", "document") as bar:
        for document_ids, scores in averaged_scores(scorers, shared):
            best.add(document_ids, scores)
            worst.add(document_ids, scores)
            documents += len(document_ids)
            bar.update(len(document_ids))
    for scorer in scorers:
        notices.extend(scorer.notices)
    settings = {"task": tasks[0].name, "mixing_lambda": tasks[0].mixing_lambda} if tasks else {}
    task_id = tasks[0].task_id if tasks else None
    found = (shared, best.ranking(), worst.ranking(), documents)
    return Found(*found, settings, task_id, tuple(dict.fromkeys(notices)))


def averaged_scores(scorers: list[GradientScorer], query_ids: list[int]) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """Scores [query, row] of the documents that every scorer has, block by block; their mean over scorers."""
    rows = [torch.from_numpy(np.searchsorted(scorer.query_ids, query_ids)) for scorer in scorers]
    after = 0
    while True:
        blocks = [scorer.reader.read(after) for scorer in scorers]
        if not all(len(block.document_ids) for block in blocks):
            return
        after = min(int(block.document_ids[-1]) for block in blocks)  # what is above is read again, with its others
        shared = blocks[0].document_ids
        for other in blocks[1:]:
            shared = np.intersect1d(shared, other.document_ids, assume_unique=True)
        if not len(shared):
            continue
        total = sum(
            scorer.scores(of_scorer.among(shared))[index]
            for scorer, of_scorer, index in zip(scorers, blocks, rows, strict=True)
        )
        yield shared, torch.as_tensor(total) / len(scorers)


def _scorer(request: SearchRequest, encoding: Encoding, tasks: list[Task]) -> GradientScorer:
    """The scorer of one encoding; its task, where the method has one, is added to `tasks`."""
    connection, method = request.connection, request.method
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    queries = encoded_queries(connection, encoding, request.query_set_id, request.query_set)
    notices = _missing_queries(request, encoding, queries.missing, len(queries.query_ids))
    if method.autocorrelation == "task":
        task = task_for(connection, encoding, request.query_set, request.options.task)
        tasks.append(task)
        reader = GradientReader(connection, encoding, request.corpus_id, task.task_id)
        if method.is_unit_norm:
            query_ids, side = task_queries(connection, task)
            return GradientScorer(reader, True, query_ids, side.to(device), None, notices + task.notices)
        root: Tensor | None = task_root(connection, task)
        notices += task.notices
    else:
        reader = GradientReader(connection, encoding, request.corpus_id)
        root = None if method.autocorrelation == "corpus" else _corpus_root(request, encoding)
    side = query_side(queries.gradients, root, bool(method.is_unit_norm))
    if root is None and method.is_unit_norm:
        side = side.half().float()  # as tda.nearest has it, so that both give the same order
    root = None if root is None else root.to(device)
    return GradientScorer(reader, bool(method.is_unit_norm), queries.query_ids, side.to(device), root, notices)


def _corpus_root(request: SearchRequest, encoding: Encoding) -> Tensor:
    inverse_roots, _ = load_autocorrelation(request.connection, encoding)
    return root_of_inverse(inverse_roots).float()


def _missing_queries(request: SearchRequest, encoding: Encoding, missing: int, encoded: int) -> tuple[str, ...]:
    return (queries_missing(missing, missing + encoded, encoding, request.query_set),) if missing else ()


def _shared_queries(scorers: list[GradientScorer]) -> list[int]:
    """The queries that every encoding has, in order."""
    shared = set(scorers[0].query_ids).intersection(*(scorer.query_ids for scorer in scorers))
    if not shared:
        raise EncodingIncomplete(
            "no query has a gradient under all of the encodings. Run trackstar encode queries with each of them."
        )
    return sorted(shared)


def _searchable_documents(request: SearchRequest, encoding: Encoding, notices: list[str]) -> int:
    """How many documents have a gradient; notices of a corpus that is not encoded to its end."""
    parameters = {"encoding_id": encoding.encoding_id, "corpus_id": request.corpus_id}
    count, without_norm = request.connection.execute(query("gradient_count"), parameters).fetchone() or (0, 0)
    if not count:
        where = f" of corpus {request.options.corpus!r}" if request.options.corpus else ""
        raise EncodingIncomplete(
            f"no document{where} is encoded by {encoding.name!r}. "
            f"Run: trackstar encode documents --encoding {encoding.name} --corpus {request.options.corpus or 'NAME'}"
        )
    if without_norm and not request.method.is_unit_norm:
        raise EncodingIncomplete(
            f"{without_norm:,} documents of encoding {encoding.name!r} were encoded by a version that kept no norms, "
            f"which method {request.method.name!r} multiplies by. Encode them again under another encoding."
        )
    (left,) = request.connection.execute(query("documents_not_encoded"), parameters).fetchone() or (0,)
    if left:
        notices.append(
            f"{left} documents of the corpora under encoding {encoding.name!r} are not encoded yet and were not "
            f"ranked. Run: trackstar encode documents --encoding {encoding.name} --corpus NAME"
        )
    return int(count)
