"""A run into the database: its row, its queries, and its proponents and opponents by COPY."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from trackstar_db import __version__
from trackstar_db.database.binary_copy import HEADER, TRAILER
from trackstar_db.database.queries import query
from trackstar_db.search.ranking import Ranking
from trackstar_db.search.request import Found, SearchRequest
from trackstar_db.search.runs import run_taken

QUERIES_AT_ONCE = 256
"""Queries whose rows are written together."""


def write_run(connection: Connection[TupleRow], request: SearchRequest, found: Found, started_at: datetime) -> int:
    """How many proponents and opponents the run has that is stored now; raises AlreadyExists for a taken name."""
    run_id = _insert_run(connection, request, found, started_at)
    rankings: Mapping[str, Ranking | None] = {"proponent": found.proponents, "opponent": found.opponents}
    query_ids = np.array(found.query_ids, dtype=np.int64)
    written = 0
    with connection.cursor().copy(query("run_copy_proponents")) as copy:
        copy.write(HEADER)
        for direction, ranking in rankings.items():
            for rows in _rows(run_id, direction, query_ids, ranking) if ranking else ():
                copy.write(rows.tobytes())
                written += len(rows)
        copy.write(TRAILER)
    return written


def _insert_run(connection: Connection[TupleRow], request: SearchRequest, found: Found, started_at: datetime) -> int:
    encodings = request.encodings if request.method.uses_encodings else ()
    options = request.options
    filters = {"relation": options.relation, "metadata": options.metadata}
    settings: dict[str, Any] = {
        "method": asdict(request.method),
        "encodings": [encoding.name for encoding in encodings],
        "corpus": options.corpus,
        **{name: value for name, value in filters.items() if value is not None},
        **found.settings,
    }
    row = connection.execute(
        query("run_insert"),
        {
            "name": request.run,
            "method": request.method.name,
            "encoding_id": encodings[0].encoding_id if encodings else None,
            "query_set_id": request.query_set_id,
            "task_id": found.task_id,
            "top_k": options.top_k,
            "query_count": len(found.query_ids),
            "document_count": found.documents,
            "code_version": __version__,
            "settings": Jsonb(settings),
            "started_at": started_at,
        },
    ).fetchone()
    if row is None:
        raise run_taken(request.run)
    for encoding in encodings:
        connection.execute(query("run_encoding_insert"), {"run_id": row[0], "encoding_id": encoding.encoding_id})
    connection.execute(query("run_query_insert"), {"run_id": row[0], "query_ids": list(found.query_ids)})
    return int(row[0])


def _rows(run_id: int, direction: str, query_ids: NDArray[np.int64], ranking: Ranking) -> Iterator[NDArray[np.void]]:
    """Rows of a binary COPY, some queries at a time, without places that no document took."""
    record = _record(len(direction))
    for start in range(0, len(query_ids), QUERIES_AT_ONCE):
        part = slice(start, start + QUERIES_AT_ONCE)
        places = np.argwhere(np.isfinite(ranking.scores[part]))
        of_query, rank = places[:, 0], places[:, 1]
        rows = np.zeros(len(places), record)
        rows["fields"] = 6
        for name in ("run", "query", "direction", "rank", "document", "influence"):
            rows[f"{name}_bytes"] = record[name].itemsize
        rows["run"] = run_id
        rows["query"] = query_ids[part][of_query]
        rows["direction"] = direction.encode()
        rows["rank"] = np.arange(len(places)) - np.searchsorted(of_query, of_query) + 1
        rows["document"] = ranking.document_ids[part][of_query, rank]
        rows["influence"] = ranking.scores[part][of_query, rank]
        yield rows


def _record(direction_bytes: int) -> np.dtype[np.void]:
    """A row of a binary COPY: field count, then each field behind its length."""
    return np.dtype(
        [("fields", ">i2"), ("run_bytes", ">i4"), ("run", ">i8"), ("query_bytes", ">i4"), ("query", ">i8"),
         ("direction_bytes", ">i4"), ("direction", f"S{direction_bytes}"), ("rank_bytes", ">i4"), ("rank", ">i4"),
         ("document_bytes", ">i4"), ("document", ">i8"), ("influence_bytes", ">i4"), ("influence", ">f8")]
    )  # fmt: skip
