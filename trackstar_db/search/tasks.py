"""Tasks: a query set under an encoding with its own R. The stored gradients stay as they are.

A task keeps M^(1/2), each query's side of the inner product, M q / |M^(1/2) q|, and each document's |M^(1/2) b|:
a score is one inner product over one number (`trackstar_db.attribution.task`, `trackstar_db.search.task_parts`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb

from trackstar_db.attribution.autocorrelation import root_of_inverse
from trackstar_db.attribution.task import TaskMatrix, task_matrix
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import store_tensor
from trackstar_db.encoding.encodings import Encoding, load_autocorrelation, load_encoding
from trackstar_db.errors import AlreadyExists, EncodingMismatch, InputError, InUse, NotFound
from trackstar_db.estimates.estimate import OnEstimate
from trackstar_db.estimates.search import estimate_task
from trackstar_db.loaders.destinations import check_name
from trackstar_db.search.encoded_queries import encoded_queries
from trackstar_db.search.task_parts import complete_documents, complete_queries, require_documents


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
    database: Database,
    name: str,
    encoding_name: str,
    query_set: str,
    mixing_lambda: float | None = None,
    on_estimate: OnEstimate | None = None,
) -> Task:
    """The new task of a query set, stored whole in one transaction; no gradient is rewritten.

    mixing_lambda: from 0 (R of the corpus alone) to below 1; None chooses it by the spectra
    on_estimate: told what it will take before it begins; what that raises stops it
    Raises AlreadyExists, NotFound, and EncodingIncomplete where no query or no document is encoded.
    """
    check_name("task", name)
    if mixing_lambda is not None and not 0 <= mixing_lambda < 1:
        raise InputError(f"mixing lambda is {mixing_lambda}; expected a number from 0 to below 1.")
    with database.connect() as connection:
        encoding = load_encoding(connection, encoding_name)
        if on_estimate is not None:
            set_id = query_set_id(connection, query_set)
            (queries,) = connection.execute(query("query_count"), {"query_set_id": set_id}).fetchone() or (0,)
            on_estimate(estimate_task(connection, name, encoding, queries))
    with _alone(database, encoding) as connection:
        task = new_task(connection, name, encoding, query_set, mixing_lambda)
        complete_documents(connection, task.task_id, encoding)
        return task


def new_task(
    connection: Connection[TupleRow],
    name: str,
    encoding: Encoding,
    query_set: str,
    mixing_lambda: float | None = None,
) -> Task:
    """As `create_task`, in a transaction that is open already, and without the documents' norms."""
    require_documents(connection, encoding)
    set_id = query_set_id(connection, query_set)
    queries = encoded_queries(connection, encoding, set_id, query_set)
    inverse_roots, eigenvalues = load_autocorrelation(connection, encoding)
    train_roots = (root_of_inverse(inverse_root[None])[0] for inverse_root in inverse_roots)
    matrix = task_matrix(queries.gradients, train_roots, eigenvalues, mixing_lambda)
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
    complete_queries(connection, row[0], encoding, set_id)
    return load_task(connection, name)


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

    It covers every query that is encoded; documents may lack their norm under it. Raises EncodingMismatch for a task
    of another encoding or query set.
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
    complete_queries(connection, task.task_id, encoding, task.query_set_id)
    return task


def prepare_task(
    database: Database, encoding: Encoding, query_set: str, name: str | None, with_documents: bool
) -> None:
    """Nothing; the task that `task_for` gives is there, in a transaction of its own.

    with_documents: complete it with the norm of every document; a run over all of them does so itself
    Of two processes that need one the second waits, where in its snapshot of the database it could not see the first's.
    """
    with _alone(database, encoding) as connection:
        task = task_for(connection, encoding, query_set, name)
    if with_documents:
        with database.connect() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            complete_documents(connection, task.task_id, encoding, database)


@contextmanager
def _alone(database: Database, encoding: Encoding) -> Iterator[Connection[TupleRow]]:
    """A transaction that sees one state of the database; one process at a time works on an encoding's tasks."""
    name = f"tasks {encoding.encoding_id}"
    with database.session() as session, locked(session, name), database.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield connection


def _recipe(matrix: TaskMatrix, queries: int, width: int) -> dict[str, Any]:
    return {
        "lambda_from": "given" if matrix.crossing is None else "spectra",
        "crossing": matrix.crossing,
        "queries": queries,
        "ranks": list(matrix.ranks),
        "block_width": width,
    }
