"""Models in the database, known by their weights."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from trackstar_db.attribution.model import LoadedModel
from trackstar_db.database.queries import query


def store_model(connection: Connection[TupleRow], loaded: LoadedModel) -> int:
    """The number of a model, which is stored where it is new."""
    row = connection.execute(
        query("model_upsert"),
        {
            "name": loaded.name,
            "revision": loaded.revision,
            "architecture": loaded.architecture,
            "parameter_count": loaded.parameter_count,
            "config": Jsonb(loaded.config),
            "content_digest": loaded.digest,
        },
    ).fetchone()
    return int(row[0]) if row else 0
