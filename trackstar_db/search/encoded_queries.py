"""Queries that have a gradient under an encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_blocks import whole_gradients
from trackstar_db.errors import EncodingIncomplete


@dataclass(frozen=True)
class EncodedQueries:
    """Queries of a set that have a gradient.

    gradients: [query, d] base encodings before unit norm
    missing: how many of the set have none
    """

    query_ids: list[int]
    gradients: Tensor
    missing: int


def encoded_queries(
    connection: Connection[TupleRow],
    encoding: Encoding,
    set_id: int,
    query_set: str,
    query_ids: Sequence[int] | None = None,
) -> EncodedQueries:
    """The encoded queries of a set, or some of them; raises EncodingIncomplete where there is none."""
    only = None if query_ids is None else list(query_ids)
    parameters = {"encoding_id": encoding.encoding_id, "query_set_id": set_id, "query_ids": only}
    rows = connection.execute(query("query_gradients"), parameters, binary=True).fetchall()
    encoded = [row for row in rows if row[1] is not None]
    missing = len(rows) - len(encoded)
    if not encoded:
        raise EncodingIncomplete(queries_missing(missing, missing, encoding, query_set))
    return EncodedQueries(*whole_gradients(encoding, encoded), missing)


def queries_missing(missing: int, total: int, encoding: Encoding, query_set: str) -> str:
    """What to say of queries without a gradient."""
    return (
        f"{missing} of the {total} queries of {query_set!r} have no gradient under encoding {encoding.name!r}. Run: "
        f"trackstar encode queries --encoding {encoding.name} --query-set {query_set}; it tells which of them "
        f"cannot be encoded, and why."
    )
