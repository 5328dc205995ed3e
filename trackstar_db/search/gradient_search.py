"""The ranker of gradient methods: an exact search over the stored gradients of one encoding or more.

What a method compares, and how, is told in `trackstar_db.search.scoring`; how gradients pass by in
`trackstar_db.search.gradient_pass`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

import torch
from torch import Tensor

from trackstar_db import __version__
from trackstar_db.attribution.autocorrelation import root_of_inverse
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_autocorrelation, nothing_encoded
from trackstar_db.encoding.gradient_reader import GradientReader, Span, find_spans
from trackstar_db.errors import EncodingIncomplete
from trackstar_db.progress import progress_bar
from trackstar_db.search.encoded_queries import encoded_queries, queries_missing
from trackstar_db.search.gradient_pass import GradientPass, queries_at_once
from trackstar_db.search.ranking import Ranking, joined
from trackstar_db.search.request import Found, SearchRequest, filters_in_words
from trackstar_db.search.scoring import GradientScorer, query_side
from trackstar_db.search.task_parts import TaskNorms, task_queries, task_root
from trackstar_db.search.tasks import Task, task_for
from trackstar_db.search.unfinished import SearchKey, SearchRecord, search_digest


def rank_by_gradients(request: SearchRequest) -> Found:
    """The documents of the highest and of the lowest score for each query that has a gradient.

    In one pass over the stored gradients, or, where the queries are more than memory is meant for, in a pass for each
    group of them. A search that takes long is kept in the database, and goes on there when it was interrupted.
    """
    query_ids, notices = answerable_queries(request)
    spans = find_spans(request.connection, request.encodings, request.documents)
    _require_documents(request, spans)
    for encoding in request.encodings:
        notices += _incomplete(request, encoding)
    size = queries_at_once(max(encoding.dimension for encoding in request.encodings), request.options.top_k)
    groups = [query_ids[start : start + size] for start in range(0, len(query_ids), size)]
    tasks = tasks_of(request)
    notices += [notice for task in tasks for notice in task.notices]
    documents = sum(span.gradients for span in spans) // len(request.encodings) * len(groups)
    search = SearchRecord(request.database, _key(request, tasks, spans, groups, documents), len(groups))
    rankings: list[tuple[Ranking, Ranking]] = []
    position = search.begun
    with progress_bar(documents, f"attribute {request.method.name}", "document") as bar:
        bar.update(position.documents_read)
        for number, group in enumerate(groups):
            if number < position.passes_done and (found := search.found(number)):
                rankings.append(found)
                continue
            norms = [TaskNorms(task.task_id, request.database) for task in tasks]
            one_pass = GradientPass(request, gradient_scorers(request, tasks, group), norms, search, number)
            position = one_pass.run(spans, position, bar.update)
            rankings.append(one_pass.found())
    if search.notice:
        notices.append(search.notice)
    settings = {"task": tasks[0].name, "mixing_lambda": tasks[0].mixing_lambda} if tasks else {}
    proponents, opponents = (joined(parts) for parts in zip(*rankings, strict=True))
    return Found(
        query_ids,
        proponents,
        opponents,
        position.documents_read // len(groups),
        settings,
        tasks[0].task_id if tasks else None,
        tuple(dict.fromkeys(notices)),
    )


def gradient_scorers(request: SearchRequest, tasks: Sequence[Task], query_ids: Sequence[int]) -> list[GradientScorer]:
    """The scorer of each encoding.

    tasks: of each encoding, empty where the method has none; query_ids: to score, ascending, each with a gradient
    """
    of_encodings: Sequence[Task | None] = tasks or [None] * len(request.encodings)
    pairs = zip(request.encodings, of_encodings, strict=True)
    return [_scorer(request, encoding, task, query_ids) for encoding, task in pairs]


def _scorer(request: SearchRequest, encoding: Encoding, task: Task | None, query_ids: Sequence[int]) -> GradientScorer:
    """The scorer of one encoding, on the GPU where there is one."""
    connection, is_unit_norm = request.connection, bool(request.method.is_unit_norm)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    root = None
    if task is not None:
        root = cache(lambda: task_root(connection, task.task_id).to(device))
    elif request.method.autocorrelation == "none":
        root = cache(lambda: _corpus_root(request, encoding).to(device))
    with_norms = task is not None or not is_unit_norm
    task_id = None if task is None else task.task_id
    reader = GradientReader(connection, encoding, request.documents, task_id, with_norms)
    if task is not None and is_unit_norm:
        numbers, side = task_queries(connection, task.task_id, encoding, query_ids)
    else:
        queries = encoded_queries(connection, encoding, request.query_set_id, request.query_set, query_ids)
        numbers = queries.query_ids
        side = query_side(queries.gradients, None if root is None else root().cpu(), is_unit_norm)
    if root is None and is_unit_norm:
        side = side.half().float()  # as tda.nearest has it, so that both give the same order
    return GradientScorer(reader, is_unit_norm, numbers, side.to(device), root)


def _shared(query_ids: Sequence[Sequence[int]]) -> list[int]:
    shared = set(query_ids[0]).intersection(*query_ids[1:])
    if not shared:
        raise EncodingIncomplete(
            "no query has a gradient under all of the encodings. Run trackstar encode queries with each of them."
        )
    return sorted(shared)


def answerable_queries(request: SearchRequest) -> tuple[list[int], list[str]]:
    """The queries with a gradient under every encoding, and notices of those without."""
    of_encodings: list[list[int]] = []
    notices: list[str] = []
    for encoding in request.encodings:
        parameters = {"encoding_id": encoding.encoding_id, "query_set_id": request.query_set_id}
        rows = request.connection.execute(query("search_queries"), parameters).fetchall()
        encoded = [number for number, is_encoded in rows if is_encoded]
        if not encoded:
            raise EncodingIncomplete(queries_missing(len(rows), len(rows), encoding, request.query_set))
        of_encodings.append(encoded)
        notices += _missing(request, encoding, len(rows) - len(encoded), len(encoded))
    return _shared(of_encodings), notices


def _missing(request: SearchRequest, encoding: Encoding, missing: int, encoded: int) -> tuple[str, ...]:
    return (queries_missing(missing, missing + encoded, encoding, request.query_set),) if missing else ()


def tasks_of(request: SearchRequest) -> list[Task]:
    """The task of each encoding, where the method has a task-specific R."""
    if request.method.autocorrelation != "task":
        return []
    return [
        task_for(request.connection, encoding, request.query_set, request.options.task)
        for encoding in request.encodings
    ]


def _key(
    request: SearchRequest, tasks: Sequence[Task], spans: Sequence[Span], groups: Sequence[list[int]], documents: int
) -> SearchKey:
    """What the search is known by: the digest is over all that its answer depends on."""
    parameters = {
        "query_set_id": request.query_set_id,
        "encoding_ids": [encoding.encoding_id for encoding in request.encodings],
        "task_ids": [task.task_id for task in tasks],
    }
    digest = search_digest(
        {
            **parameters,
            "version": __version__,
            "method": asdict(request.method),
            "options": asdict(request.options),
            "encodings": [encoding.digest.hex() for encoding in request.encodings],
            "queries": request.connection.execute(query("search_queries_state"), parameters).fetchone(),
            "groups": groups,
            "spans": [vars(span) for span in spans],
            "device": "cuda" if torch.cuda.is_available() else "cpu",
        }
    )
    encoding_id = request.encodings[0].encoding_id
    return SearchKey(request.run, encoding_id, request.query_set_id, request.method.name, digest, documents)


def _corpus_root(request: SearchRequest, encoding: Encoding) -> Tensor:
    inverse_roots, _ = load_autocorrelation(request.connection, encoding)
    return root_of_inverse(inverse_roots, torch.float32)


def _require_documents(request: SearchRequest, spans: Sequence[Span]) -> None:
    """Nothing; raises EncodingIncomplete where there is no document to rank."""
    if spans:
        return
    options = request.options
    wanted = filters_in_words(options.corpus, options.relation, options.metadata)
    raise nothing_encoded(request.encodings[0], f"no document{wanted}", options.corpus)


def _incomplete(request: SearchRequest, encoding: Encoding) -> list[str]:
    """Notices of a corpus that is not encoded to its end; raises EncodingIncomplete where norms are missing."""
    parameters = {"encoding_id": encoding.encoding_id, "corpus_id": request.documents.corpus_id}
    count, without_norm = request.connection.execute(query("gradient_count"), parameters).fetchone() or (0, 0)
    if not count:
        raise nothing_encoded(encoding, corpus=request.options.corpus)
    if without_norm and not request.method.is_unit_norm:
        raise EncodingIncomplete(
            f"{without_norm:,} documents of encoding {encoding.name!r} were encoded by a version that kept no norms, "
            f"which method {request.method.name!r} multiplies by. Encode them again under another encoding."
        )
    (left,) = request.connection.execute(query("documents_not_encoded"), parameters).fetchone() or (0,)
    if not left:
        return []
    return [
        f"{left} documents of the corpora under encoding {encoding.name!r} are not encoded yet and were not "
        f"ranked. Run: trackstar encode documents --encoding {encoding.name} --corpus NAME"
    ]
