"""Tensors as rows of a table: a name, type and shape beside the numbers, little-endian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from psycopg import Connection
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db.database.queries import query


def store_tensor(
    connection: Connection[TupleRow], statement: str, key: Mapping[str, Any], name: str, tensor: Tensor
) -> None:
    """Nothing; the tensor is a row. A field of PostgreSQL ends at 1 GB: larger ones are stored in parts.

    statement: the named query that takes name, dtype, shape and data
    key: the statement's other parameters, {"encoding_id": 1}
    """
    array = tensor.detach().cpu().contiguous().numpy()
    described = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
    connection.execute(query(statement), {**key, **described, "data": little_endian(tensor)})


def load_tensors(connection: Connection[TupleRow], statement: str, key: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors by name, on the CPU; empty where there is none.

    statement: the named query that gives name, dtype, shape and data
    """
    tensors = {}
    with connection.transaction(), connection.cursor("tensors", binary=True) as cursor:
        cursor.itersize = 1  # they may be large: one row at a time comes over
        for name, dtype, shape, data in cursor.execute(query(statement), key):
            array = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)
            tensors[name] = torch.from_numpy(array)
    return tensors


def take_stacked(tensors: dict[str, Tensor], name: str, parts: int) -> Tensor:
    """The tensors NAME/0, NAME/1, … as one, out of a dictionary that they leave, so that they are held once."""
    first = tensors[f"{name}/0"]
    stacked = torch.empty((parts, *first.shape), dtype=first.dtype)
    for part in range(parts):
        stacked[part] = tensors.pop(f"{name}/{part}")
    return stacked


def little_endian(tensor: Tensor) -> bytes:
    """The tensor's numbers, row by row, the same on every machine."""
    array = tensor.detach().cpu().contiguous().numpy()
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
