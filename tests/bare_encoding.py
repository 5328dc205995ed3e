"""An encoding without V and R, for gradients that no model made: those of large block ranks take minutes to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pgvector import Vector
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from trackstar_db.attribution.encoder import EncodingSettings
from trackstar_db.attribution.model import load_model
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, create_partition, load_encoding
from trackstar_db.encoding.models import store_model


def bare_encoding(
    connection: Connection[TupleRow], name: str, model: Path, blocks: int, block_rank: int, bits: int = 16
) -> Encoding:
    """The encoding, with an empty table for its gradients."""
    settings = EncodingSettings(blocks=blocks, block_rank=block_rank, bits=bits)
    recipe = {
        "model": {"name": str(model), "revision": None},
        "settings": asdict(settings),
        "blocks": [f"part {block}" for block in range(blocks)],
    }
    connection.execute(
        query("encoding_insert"),
        {
            "name": name,
            "model_id": store_model(connection, load_model(str(model), None)),
            "blocks": blocks,
            "block_rank": block_rank,
            "dimension": settings.dimension,
            "second_moment": settings.second_moment,
            "recipe": Jsonb(recipe),
            "digest": bytes(32),
        },
    )
    encoding = load_encoding(connection, name)
    create_partition(connection, encoding)
    return encoding


def note_encoded(connection: Connection[TupleRow], encoding: Encoding, document_ids: Sequence[int]) -> None:
    """Nothing; the documents may have gradients now."""
    connection.execute(
        "INSERT INTO trackstar.encoded_document (encoding_id, document_id, outcome, token_count, is_truncated, norm) "
        "SELECT %s, unnest(%s::bigint[]), 'stored', 2, false, 1",
        (encoding.encoding_id, list(document_ids)),
    )


def insert_query_gradients(
    connection: Connection[TupleRow], encoding: Encoding, query_ids: Sequence[int], gradients: NDArray[np.float32]
) -> None:
    """Nothing; the queries are encoded: gradients [query, d]."""
    rows = [
        (encoding.encoding_id, number, block, Vector(row))
        for number, gradient in zip(query_ids, gradients, strict=True)
        for block, row in enumerate(gradient.reshape(encoding.rows, encoding.row_width))
    ]
    statement = "INSERT INTO trackstar.query_gradient (encoding_id, query_id, block, gradient) VALUES (%s, %s, %s, %s)"
    connection.cursor().executemany(statement, rows)
