"""Gradients into the database, by binary COPY, a few hundred rows a statement."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.binary_copy import HEADER, TRAILER
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import gradient_partition_name

STATEMENT_ROWS = 512
"""Rows of one COPY. One statement works in 16 MB of the server's buffers: with more it waits for its own pages to be
written, and reads them again when the foreign key is checked at its end."""

PIECE_ROWS = 32
"""Rows that are made ready together: the server takes them in while the next are made."""


def write_gradients(
    connection: Connection[TupleRow], encoding_id: int, rows: Iterable[tuple[int, NDArray[np.float16]]]
) -> None:
    """Nothing; each (document_id, gradient [d]) is a row of the encoding's partition."""
    statement = query("encode_copy_gradients").format(partition=gradient_partition_name(encoding_id))
    cursor, left = connection.cursor(), iter(rows)
    while some := list(islice(left, STATEMENT_ROWS)):
        with cursor.copy(statement) as copy:
            copy.write(HEADER)
            for start in range(0, len(some), PIECE_ROWS):
                copy.write(binary_rows(encoding_id, some[start : start + PIECE_ROWS]))
            copy.write(TRAILER)


def binary_rows(encoding_id: int, rows: list[tuple[int, NDArray[np.float16]]]) -> bytes:
    """(document_id, gradient) rows of a binary COPY: each value behind its length in bytes, a halfvec behind its
    dimension.

    The numbers pass as integers of two bytes, which turn around faster than float16 does.
    """
    dimension = len(rows[0][1])
    records = np.zeros(
        len(rows),
        [("fields", ">i2"), ("encoding_bytes", ">i4"), ("encoding", ">i8"), ("document_bytes", ">i4"),
         ("document", ">i8"), ("gradient_bytes", ">i4"), ("dimension", ">u2"), ("unused", ">u2"),
         ("gradient", ">u2", (dimension,))],
    )  # fmt: skip
    records["fields"] = 3
    records["encoding_bytes"] = records["document_bytes"] = 8
    records["encoding"] = encoding_id
    records["document"] = [document_id for document_id, _ in rows]
    records["gradient_bytes"] = 4 + 2 * dimension
    records["dimension"] = dimension
    records["gradient"] = np.stack([gradient for _, gradient in rows]).view(np.uint16)
    return records.tobytes()
