"""Tasks: a query set under an encoding with its own R. The stored gradients stay as they are.

A task keeps M^(1/2), each query's side of the inner product, M q / |M^(1/2) q|, and each document's |M^(1/2) b|:
a score is one inner product over one number (`trackstar_db.attribution.task`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pgvector import Vector
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from torch import Tensor

from trackstar_db.attribution.autocorrelation import by_block, root_of_inverse
from trackstar_db.attribution.task import TaskMatrix, task_matrix
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import load_tensors, store_tensor
from trackstar_db.encoding.encodings import Encoding, load_autocorrelation, load_encoding
from trackstar_db.encoding.gradient_reader import GradientReader
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, EncodingMismatch, InputError, InUse, NotFound
from trackstar_db.loaders.destinations import check_name
from trackstar_db.progress import progress_bar
from trackstar_db.search.scoring import query_side


@dataclass(frozen=True)
class Task:
    """A task as it stands in the database.

    mixing_lambda: the weight of the queries' own R
    recipe: how lambda was chosen, the queries that R_eval is from, its rank by block
    """

    task_id: int
    name: str
    encoding_id: int
    encoding: str
    query_set_id: int
    query_set: str
    mixing_lambda: float
    recipe: dict[str, Any]
    created_at: datetime

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should hear of R_eval."""
        ranks, width = self.recipe["ranks"], self.recipe["block_width"]
        if min(ranks) >= width:
            return ()
        return (
            f"R of the {self.recipe['queries']} queries of {self.query_set!r} has rank {min(ranks)} of {width} in a "
            f"block: it says nothing of the other directions, where R of the corpus, weighted by "
            f"{1 - self.mixing_lambda:.3g}, is all there is.",
        )


def create_task(
    database: Database, name: str, encoding_name: str, query_set: str, mixing_lambda: float | None = None
) -> Task:
    """The new task of a query set, stored whole in one transaction; no gradient is rewritten.

    mixing_lambda: from 0 (R of the corpus alone) to below 1; None chooses it by the spectra
    Raises AlreadyExists, NotFound, and EncodingIncomplete where no query or no document is encoded.
    """
    check_name("task", name)
    if mixing_lambda is not None and not 0 <= mixing_lambda < 1:
        raise InputError(f"mixing lambda is {mixing_lambda}; expected a number from 0 to below 1.")
    with database.connect() as connection:
        encoding = load_encoding(connection, encoding_name)
    with _alone(database, encoding) as connection:
        return new_task(connection, name, encoding, query_set, mixing_lambda)


def new_task(
    connection: Connection[TupleRow],
    name: str,
    encoding: Encoding,
    query_set: str,
    mixing_lambda: float | None = None,
) -> Task:
    """As `create_task`, in a transaction that is open already."""
    set_id = query_set_id(connection, query_set)
    queries = encoded_queries(connection, encoding, set_id, query_set)
    inverse_roots, eigenvalues = load_autocorrelation(connection, encoding)
    matrix = task_matrix(queries.gradients, root_of_inverse(inverse_roots), eigenvalues, mixing_lambda)
    row = connection.execute(
        query("task_insert"),
        {
            "name": name,
            "encoding_id": encoding.encoding_id,
            "query_set_id": set_id,
            "mixing_lambda": matrix.mixing_lambda,
            "recipe": Jsonb(_recipe(matrix, len(queries.query_ids), eigenvalues.shape[1])),
        },
    ).fetchone()
    if row is None:
        raise AlreadyExists(
            f"a task named {name!r} is there already. Choose another name, or run: trackstar task drop {name}"
        )
    for block, part in enumerate(matrix.root):
        store_tensor(connection, "task_tensor_insert", {"task_id": row[0]}, f"root/{block}", part)
    task = load_task(connection, name)
    complete_task(connection, task, encoding)
    return task


def load_task(connection: Connection[TupleRow], name: str) -> Task:
    """One task; raises NotFound naming the tasks that are there."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query("task_by_name"), {"name": name}).fetchone()
        if row is None:
            names = [found["task"] for found in cursor.execute(query("task_list"))]
            known = f"the database has: {', '.join(names)}" if names else "the database has none yet"
            raise NotFound(
                f"no task named {name!r}; {known}. Make it with: "
                f"trackstar task create {name} --encoding NAME --query-set NAME"
            )
    return Task(**row)


def list_tasks(database: Database) -> list[dict[str, Any]]:
    """Every task, a mapping each, by name."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("task_list")).fetchall()


def drop_task(database: Database, name: str) -> None:
    """Nothing; the task is gone. Raises NotFound, and InUse while runs stand on it."""
    with database.connect() as connection:
        task = load_task(connection, name)
        runs = [run for (run,) in connection.execute(query("task_runs"), {"task_id": task.task_id})]
        if runs:
            raise InUse(
                f"task {name!r} is what these runs stand on: {', '.join(runs)}. Drop them first, with: "
                f"trackstar run drop NAME"
            )
        connection.execute(query("task_drop"), {"task_id": task.task_id})


def task_for(connection: Connection[TupleRow], encoding: Encoding, query_set: str, name: str | None) -> Task:
    """The task of that name, or of the query set under the encoding, made where it is not there.

    It covers every query and document that is encoded. Raises EncodingMismatch for a task of another encoding
    or query set.
    """
    if name is None:
        name = f"{encoding.name}/{query_set}"
        if connection.execute(query("task_by_name"), {"name": name}).fetchone() is None:
            return new_task(connection, name, encoding, query_set)
    task = load_task(connection, name)
    if (task.encoding, task.query_set) != (encoding.name, query_set):
        raise EncodingMismatch(
            f"task {name!r} is for query set {task.query_set!r} under encoding {task.encoding!r}, not for "
            f"{query_set!r} under {encoding.name!r}. Name another task with --task, or leave it out to have one made."
        )
    complete_task(connection, task, encoding)
    return task


def prepare_task(database: Database, encoding: Encoding, query_set: str, name: str | None) -> None:
    """Nothing; the task that `task_for` gives is there and complete, in a transaction of its own.

    Of two processes that need one the second waits, where in its snapshot of the database it could not see the first's.
    """
    with _alone(database, encoding) as connection:
        task_for(connection, encoding, query_set, name)


@contextmanager
def _alone(database: Database, encoding: Encoding) -> Iterator[Connection[TupleRow]]:
    """A transaction that sees one state of the database; one process at a time works on an encoding's tasks."""
    name = f"tasks {encoding.encoding_id}"
    with database.session() as session, locked(session, name), database.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield connection


def task_root(connection: Connection[TupleRow], task: Task) -> Tensor:
    """M^(1/2), [block, k², k²] float32."""
    tensors = load_tensors(connection, "task_tensors", {"task_id": task.task_id})
    return torch.stack([tensors[f"root/{block}"] for block in range(len(tensors))])


def task_queries(connection: Connection[TupleRow], task: Task) -> tuple[list[int], Tensor]:
    """Queries of a task, and their sides of the inner product, [query, d]."""
    rows = connection.execute(query("task_queries"), {"task_id": task.task_id}, binary=True).fetchall()
    return [number for number, _ in rows], torch.from_numpy(np.stack([side.to_numpy() for _, side in rows]))


def complete_task(connection: Connection[TupleRow], task: Task, encoding: Encoding) -> None:
    """Nothing; every encoded query and document has its part of the task, those encoded later too."""
    parameters = {"task_id": task.task_id, "encoding_id": encoding.encoding_id, "query_set_id": task.query_set_id}
    left = connection.execute(query("task_queries_left"), parameters, binary=True).fetchall()
    documents, known = connection.execute(query("task_document_counts"), parameters).fetchone() or (0, 0)
    if not documents:
        raise EncodingIncomplete(
            f"no document is encoded by {encoding.name!r}. "
            f"Run: trackstar encode documents --encoding {encoding.name} --corpus NAME"
        )
    if not left and documents == known:
        return
    root = task_root(connection, task)
    if left:
        queries = torch.from_numpy(np.stack([gradient.to_numpy() for _, gradient in left]))
        sides = query_side(queries, root, is_unit_norm=True)
        rows = [
            {"task_id": task.task_id, "query_id": number, "gradient": Vector(side.numpy())}
            for (number, _), side in zip(left, sides, strict=True)
        ]
        connection.cursor().executemany(query("task_query_insert"), rows)
    if documents == known:
        return
    with progress_bar(documents, f"task {task.name}", "document") as bar:
        for block in GradientReader(connection, encoding, task_id=task.task_id).blocks():
            is_new = np.isnan(block.task_norms)
            _write_norms(connection, task, block.document_ids[is_new], block.gradients[is_new], root)
            bar.update(len(block.document_ids))


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
    connection: Connection[TupleRow], encoding: Encoding, set_id: int, query_set: str
) -> EncodedQueries:
    """The encoded queries of a set; raises EncodingIncomplete where there is none."""
    parameters = {"encoding_id": encoding.encoding_id, "query_set_id": set_id}
    rows = connection.execute(query("query_gradients"), parameters, binary=True).fetchall()
    encoded = [(number, gradient.to_numpy()) for number, gradient in rows if gradient is not None]
    if not encoded:
        raise EncodingIncomplete(queries_missing(len(rows), len(rows), encoding, query_set))
    gradients = torch.from_numpy(np.stack([gradient for _, gradient in encoded]))
    return EncodedQueries([number for number, _ in encoded], gradients, len(rows) - len(encoded))


def queries_missing(missing: int, total: int, encoding: Encoding, query_set: str) -> str:
    """What to say of queries without a gradient."""
    return (
        f"{missing} of the {total} queries of {query_set!r} have no gradient under encoding {encoding.name!r}. Run: "
        f"trackstar encode queries --encoding {encoding.name} --query-set {query_set}; it tells which of them "
        f"cannot be encoded, and why."
    )


def _recipe(matrix: TaskMatrix, queries: int, width: int) -> dict[str, Any]:
    return {
        "lambda_from": "given" if matrix.crossing is None else "spectra",
        "crossing": matrix.crossing,
        "queries": queries,
        "ranks": list(matrix.ranks),
        "block_width": width,
    }


def _write_norms(
    connection: Connection[TupleRow],
    task: Task,
    document_ids: NDArray[np.int64],
    gradients: NDArray[np.float16],
    root: Tensor,
) -> None:
    norms = torch.linalg.vector_norm(by_block(root, torch.from_numpy(gradients.astype(np.float32))), dim=1)
    with connection.cursor().copy(query("task_copy_norms")) as copy:
        copy.set_types(["int8", "int8", "int8", "float4"])
        for number, norm in zip(document_ids.tolist(), norms.tolist(), strict=True):
            copy.write_row((task.task_id, task.encoding_id, number, norm))
