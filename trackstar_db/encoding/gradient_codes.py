"""Gradients in one or two bits a number, into the database by binary COPY and out of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.binary_copy import HEADER, TRAILER
from trackstar_db.database.queries import query
from trackstar_db.encoding.codes import code_bytes, encode
from trackstar_db.encoding.encodings import Encoding


def write_gradient_codes(
    connection: Connection[TupleRow], encoding: Encoding, rows: Sequence[tuple[int, NDArray[np.float16]]]
) -> None:
    """Nothing; each (document_id, gradient [d]) is a row of codes in the encoding's partition."""
    if not rows:
        return
    codes, scales = encode(np.stack([gradient for _, gradient in rows]), encoding.bits)
    size = code_bytes(encoding.dimension, encoding.bits)
    records = np.zeros(len(rows), _written(size))
    for name, length in (("encoding", 8), ("document", 8), ("scale", 4), ("code", 4 + size)):
        records[f"{name}_bytes"] = length
    records["fields"] = 4
    records["encoding"] = encoding.encoding_id
    records["document"] = [document_id for document_id, _ in rows]
    records["scale"] = scales
    records["bits"] = encoding.dimension * encoding.bits
    records["code"] = codes
    with connection.cursor().copy(query("encode_copy_gradient_codes").format(partition=encoding.partition)) as copy:
        copy.write(HEADER + records.tobytes() + TRAILER)


def read_row(encoding: Encoding) -> np.dtype[np.void]:
    """A row of a binary COPY of document_id, scale and code: field count, then each field behind its length."""
    size = code_bytes(encoding.dimension, encoding.bits)
    return np.dtype(
        [("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("scale_bytes", ">i4"), ("scale", ">f4"),
         ("bytes", ">i4"), ("bits", ">i4"), ("code", "u1", (size,))]
    )  # fmt: skip


def _written(size: int) -> np.dtype[np.void]:
    return np.dtype(
        [("fields", ">i2"), ("encoding_bytes", ">i4"), ("encoding", ">i8"), ("document_bytes", ">i4"),
         ("document", ">i8"), ("scale_bytes", ">i4"), ("scale", ">f4"), ("code_bytes", ">i4"), ("bits", ">i4"),
         ("code", "u1", (size,))]
    )  # fmt: skip
