"""Gradients that are longer than a page of PostgreSQL, into the database and out of it: a row for each layer block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db.database.binary_copy import HEADER, TRAILER
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding


def write_gradient_blocks(
    connection: Connection[TupleRow], encoding: Encoding, rows: Iterable[tuple[int, NDArray[np.float16]]]
) -> None:
    """Nothing; each (document_id, gradient [d]) is a row for each layer block in the encoding's partition."""
    records = np.zeros(encoding.rows, _record(encoding.row_width))
    for name, size in (("encoding", 8), ("document", 8), ("block", 2), ("gradient", 4 + 2 * encoding.row_width)):
        records[f"{name}_bytes"] = size
    records["fields"] = 4
    records["encoding"] = encoding.encoding_id
    records["block"] = np.arange(encoding.rows)
    records["dimension"] = encoding.row_width
    with connection.cursor().copy(query("encode_copy_gradient_blocks").format(partition=encoding.partition)) as copy:
        copy.write(HEADER)
        for document_id, gradient in rows:
            records["document"] = document_id
            records["gradient"] = gradient.reshape(encoding.rows, encoding.row_width)
            copy.write(records.tobytes())
        copy.write(TRAILER)


def whole_gradients(encoding: Encoding, rows: Sequence[TupleRow]) -> tuple[list[int], Tensor]:
    """Query ids and gradients, [query, d] float32, from (query_id, vector) rows in the order of query and block."""
    parts = torch.from_numpy(np.stack([vector.to_numpy() for _, vector in rows]))
    return [number for number, _ in rows[:: encoding.rows]], parts.view(-1, encoding.dimension)


def _record(width: int) -> np.dtype[np.void]:
    """A row of a binary COPY: field count, then each field behind its length; a halfvec behind its dimension."""
    return np.dtype(
        [("fields", ">i2"), ("encoding_bytes", ">i4"), ("encoding", ">i8"), ("document_bytes", ">i4"),
         ("document", ">i8"), ("block_bytes", ">i4"), ("block", ">i2"), ("gradient_bytes", ">i4"),
         ("dimension", ">u2"), ("unused", ">u2"), ("gradient", ">f2", (width,))]
    )  # fmt: skip
