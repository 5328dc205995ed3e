"""Queries → stored gradients, a group in one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pgvector import Vector
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, Encoder
from trackstar_db.attribution.tokens import Piece, query_piece
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoder
from trackstar_db.encoding.summary import EncodeSummary
from trackstar_db.errors import InputError
from trackstar_db.progress import progress_bar

QUERY_GROUP = 256
"""Queries encoded and written together."""


def encode_queries(
    database: Database,
    encoding_name: str,
    query_set: str,
    model: str | None = None,
) -> EncodeSummary:
    """Every query of a set that the encoding lacks, encoded and stored; loss on the target's tokens only.

    Arguments and errors as `encode_documents`.
    """
    started = time.monotonic()
    summary = EncodeSummary(encoding_name)
    with database.connect() as connection:
        set_id = query_set_id(connection, query_set)
        encoding, encoder = load_encoder(connection, encoding_name, model)
    with database.session() as session, locked(session, f"encode queries {encoding.encoding_id} {set_id}"):
        parameters = {"encoding_id": encoding.encoding_id, "query_set_id": set_id}
        (summary.total,) = session.execute(query("query_count"), {"query_set_id": set_id}).fetchone() or (0,)
        left = session.execute(query("encode_queries_left"), parameters).fetchall()
        summary.already_encoded = summary.total - len(left)
        with progress_bar(len(left), "encode", "query") as bar:
            for start in range(0, len(left), QUERY_GROUP):
                group = left[start : start + QUERY_GROUP]
                _encode_query_group(database, encoding, encoder, group, summary)
                bar.update(len(group))
    summary.seconds = time.monotonic() - started
    return summary


def query_encodings(encoder: Encoder, pieces: Sequence[Piece], token_budget: int = DEFAULT_TOKEN_BUDGET) -> Tensor:
    """Base encodings of queries, not of unit norm: [query, d] float32 on the CPU."""
    return encoder.encode(encoder.query_gradients(pieces, token_budget)).float().cpu()


def _encode_query_group(
    database: Database, encoding: Encoding, encoder: Encoder, rows: Sequence[TupleRow], summary: EncodeSummary
) -> None:
    """Nothing; one transaction with the gradients of a group of queries."""
    kept, pieces = [], []
    for query_id, external_id, prompt, target, content_digest in rows:
        try:
            pieces.append(query_piece(encoder.loaded.tokenizer, prompt, target, encoder.settings.max_tokens))
            kept.append((query_id, external_id, content_digest))
        except InputError as error:
            summary.add(external_id, "not encodable", str(error))
    if not pieces:
        return
    encodings = query_encodings(encoder, pieces)
    with database.connect() as connection:
        for (query_id, external_id, content_digest), vector in zip(kept, encodings, strict=True):
            outcome = "not finite" if not vector.isfinite().all() else "stored" if vector.any() else "zero"
            if outcome == "stored":
                parameters = {"encoding_id": encoding.encoding_id, "query_id": query_id}
                parameters["content_digest"] = content_digest
                for block, row in enumerate(vector.view(encoding.rows, encoding.row_width).numpy()):
                    gradient = {"block": block, "gradient": Vector(row)}
                    if not connection.execute(query("encode_query_insert"), {**parameters, **gradient}).rowcount:
                        outcome = "changed while it was encoded"
            summary.add(external_id, outcome)
