"""Gradients into the database, by binary COPY."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import gradient_partition_name


def write_gradients(
    connection: Connection[TupleRow], encoding_id: int, rows: Iterable[tuple[int, NDArray[np.float16]]]
) -> None:
    """Nothing; each (document_id, gradient [d]) is a row of the encoding's partition."""
    statement = query("encode_copy_gradients").format(partition=gradient_partition_name(encoding_id))
    with connection.cursor().copy(statement) as copy:
        copy.set_types(["int8", "int8", "halfvec"])
        for document_id, gradient in rows:
            copy.write_row((encoding_id, document_id, HalfVector(gradient)))
