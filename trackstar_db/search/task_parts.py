"""What a task keeps: M^(1/2), each query's side of the inner product, each document's norm under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pgvector import Vector
from psycopg import Connection
from psycopg.rows import TupleRow
from torch import Tensor

from trackstar_db.attribution.task import lengths_under
from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import load_tensors, take_stacked
from trackstar_db.encoding.encodings import Encoding, nothing_encoded
from trackstar_db.encoding.gradient_blocks import whole_gradients
from trackstar_db.encoding.gradient_reader import GradientReader
from trackstar_db.progress import progress_bar
from trackstar_db.search.scoring import query_side

NORMS_AT_ONCE = 50_000
"""Norms of documents that wait to be written together."""

QUERIES_AT_ONCE = 1_000
"""Queries whose sides are made together."""


def task_root(connection: Connection[TupleRow], task_id: int) -> Tensor:
    """M^(1/2), [block, k², k²] float32: 4 k^4 bytes a block, and one block more while it is read."""
    tensors = load_tensors(connection, "task_tensors", {"task_id": task_id})
    return take_stacked(tensors, "root", len(tensors))


def task_queries(
    connection: Connection[TupleRow], task_id: int, encoding: Encoding, query_ids: Sequence[int]
) -> tuple[list[int], Tensor]:
    """Those of these queries that a task has, and their sides of the inner product, [query, d]."""
    parameters = {"task_id": task_id, "query_ids": list(query_ids)}
    return whole_gradients(encoding, connection.execute(query("task_queries"), parameters, binary=True).fetchall())


def complete_queries(connection: Connection[TupleRow], task_id: int, encoding: Encoding, query_set_id: int) -> None:
    """Nothing; every encoded query of the task's set has its side, those encoded later too."""
    parameters = {"task_id": task_id, "encoding_id": encoding.encoding_id, "query_set_id": query_set_id}
    root = None
    with connection.cursor("task_queries_left") as cursor:
        cursor.execute(query("task_queries_left"), parameters, binary=True)
        while left := cursor.fetchmany(QUERIES_AT_ONCE * encoding.rows):
            root = task_root(connection, task_id) if root is None else root
            query_ids, gradients = whole_gradients(encoding, left)
            sides = query_side(gradients, root, is_unit_norm=True).view(-1, encoding.rows, encoding.row_width).numpy()
            connection.cursor().executemany(
                query("task_query_insert"),
                [
                    {"task_id": task_id, "query_id": number, "block": block, "gradient": Vector(row)}
                    for number, side in zip(query_ids, sides, strict=True)
                    for block, row in enumerate(side)
                ],
            )


def require_documents(connection: Connection[TupleRow], encoding: Encoding) -> None:
    """Nothing; raises EncodingIncomplete where no document is encoded."""
    parameters = {"encoding_ids": [encoding.encoding_id]}
    if connection.execute(query("encoded_document_exists"), parameters).fetchone() != (True,):
        raise nothing_encoded(encoding)


def complete_documents(
    connection: Connection[TupleRow], task_id: int, encoding: Encoding, database: Database | None = None
) -> None:
    """Nothing; every encoded document has its norm under the task, those encoded later too.

    database: written to beside the connection, where others see the task already and may write the same norms
    """
    parameters = {"task_id": task_id, "encoding_id": encoding.encoding_id}
    documents, known = connection.execute(query("task_document_counts"), parameters).fetchone() or (0, 0)
    if documents == known:
        return
    root = task_root(connection, task_id)
    norms = TaskNorms(task_id, database or connection)
    with progress_bar(documents, "norms under the task", "document") as bar:
        for block in GradientReader(connection, encoding, task_id=task_id).blocks():
            is_new = np.isnan(block.task_norms)
            if is_new.any():
                rows = torch.from_numpy(block.gradients[is_new].astype(np.float32))
                norms.add(block.document_ids[is_new], block.norms[is_new], lengths_under(root, rows).numpy())
            bar.update(len(block.document_ids))
    norms.flush()


class TaskNorms:
    """Norms of documents under a task, on their way into the database.

    A norm is left out that is there by now, and where the document was encoded anew since its gradient was read.
    target: a database, for transactions of their own; or a connection whose transaction they belong to
    """

    def __init__(self, task_id: int, target: Database | Connection[TupleRow]) -> None:
        self._task_id = task_id
        self._target = target
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]] = []

    def add(self, document_ids: NDArray[np.int64], norms: NDArray[np.float64], task_norms: NDArray[np.float32]) -> None:
        """Take norms in: [row] each; `norms` are those before unit norm, as they were read."""
        self._waiting.append((document_ids, norms, task_norms))
        if sum(len(ids) for ids, _, _ in self._waiting) >= NORMS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Nothing; what was taken in is written."""
        if not self._waiting:
            return
        document_ids, norms, task_norms = (np.concatenate(parts).tolist() for parts in zip(*self._waiting, strict=True))
        self._waiting = []
        parameters = {
            "task_id": self._task_id,
            "document_ids": document_ids,
            "norms": norms,
            "task_norms": task_norms,
        }
        if isinstance(self._target, Database):
            with self._target.connect() as connection:
                connection.execute(query("task_norms_insert"), parameters)
        else:
            self._target.execute(query("task_norms_insert"), parameters)
