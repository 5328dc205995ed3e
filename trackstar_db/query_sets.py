"""Query sets: listed, dropped, and made from others, such as the queries that a model answers right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from trackstar_db.database.engine import Database
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, InputError, InUse, NotFound
from trackstar_db.loaders.destinations import check_name


@dataclass(frozen=True)
class Selection:
    """Which queries of a set are taken.

    is_correct: those that a model answers right, or wrong; None takes all
    model: the one meant, where several have predictions: its folder or its name
    limit: as many at most; in the order they were loaded, or with a seed a random sample
    """

    is_correct: bool | None = None
    model: str | None = None
    limit: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class NewQuerySet:
    """A query set that was made, and what a person should hear of it."""

    query_set: str
    queries: int
    notices: tuple[str, ...] = ()


def create_query_set(database: Database, name: str, source: str, selection: Selection | None = None) -> NewQuerySet:
    """The new query set: copies of queries of another, with their external ids and predictions; all or nothing.

    Raises AlreadyExists for a taken name, NotFound, EncodingIncomplete where nothing was predicted that could be
    right or wrong, and InputError where no query is left or it is open which model is meant.
    """
    check_name("query set", name)
    selection = selection or Selection()
    if selection.limit is not None and selection.limit < 1:
        raise InputError(f"the limit is {selection.limit}; expected 1 or more.")
    if selection.seed is not None:
        if selection.limit is None:
            raise InputError("a seed was given without a limit, and would say nothing. Add --limit.")
        if not -(2**63) <= selection.seed < 2**63:
            raise InputError(f"seed is {selection.seed}; expected a whole number of 64 bits.")
    with database.connect() as connection:
        source_id = query_set_id(connection, source)
        model_id, notices = _model(connection, source_id, source, selection)
        if not connection.execute(query("load_query_set_insert"), {"name": name}).rowcount:
            raise AlreadyExists(
                f"a query set named {name!r} is there already. Choose another name, or run: "
                f"trackstar query-set drop {name}"
            )
        sets = {"query_set_id": query_set_id(connection, name), "source_id": source_id}
        chosen = {"is_correct": selection.is_correct, "limit": selection.limit, "seed": selection.seed}
        copied = connection.execute(query("query_set_copy"), {**sets, **chosen, "model_id": model_id}).rowcount
        if not copied:
            which = {True: "answered right", False: "answered wrong", None: "there"}[selection.is_correct]
            raise InputError(f"no query of {source!r} is {which}, so there is nothing to copy. Choose others.")
        connection.execute(query("query_set_copy_predictions"), sets)
    if selection.limit is not None and copied < selection.limit:
        notices = (*notices, f"{copied} queries are all there are; {selection.limit} were asked for.")
    return NewQuerySet(name, copied, notices)


def list_query_sets(database: Database) -> list[dict[str, Any]]:
    """Every query set, a mapping each, by name."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("query_set_list")).fetchall()


def drop_query_set(database: Database, name: str) -> None:
    """Nothing; the query set is gone with its queries, their gradients, labels and predictions.

    Raises NotFound, and InUse while runs, tasks or retrainings stand on it.
    """
    with database.connect() as connection:
        parameters = {"query_set_id": query_set_id(connection, name)}
        users = connection.execute(query("query_set_users"), parameters).fetchall()
        if users:
            named = ", ".join(f"{kind} {user}" for kind, user in users)
            raise InUse(
                f"query set {name!r} is what these stand on: {named}. Drop them first, with: "
                + " or ".join(f"trackstar {kind} drop NAME" for kind in dict(users))
            )
        connection.execute(query("query_set_drop_queries"), parameters)
        connection.execute(query("query_set_drop"), parameters)


def _model(
    connection: Connection[TupleRow], source_id: int, source: str, selection: Selection
) -> tuple[int | None, tuple[str, ...]]:
    """The model whose answers count, and a notice where it was not asked everything."""
    if selection.is_correct is None:
        if selection.model is not None:
            raise InputError("a model was named without --correct or --wrong, and would say nothing. Add one of them.")
        return None, ()
    with connection.cursor(row_factory=dict_row) as cursor:
        models = cursor.execute(query("query_set_models"), {"query_set_id": source_id}).fetchall()
    run_it = f"Run: trackstar judge predictions --model DIR --query-set {source}"
    if selection.model is not None:
        known = ", ".join(model["name"] for model in models) or "none"
        models = [model for model in models if _is_meant(model, selection.model)]
        if not models:
            raise NotFound(f"no model {selection.model!r} has predicted {source!r}; these have: {known}. {run_it}")
    if not models:
        raise EncodingIncomplete(f"no model has predicted {source!r} yet. {run_it}")
    if len(models) > 1:
        named = ", ".join(model["name"] for model in models)
        raise InputError(f"several models have predicted {source!r}: {named}. Name one with --model.")
    (model,) = models
    if not model["judged"]:
        raise EncodingIncomplete(
            f"no query of {source!r} has a right answer: none asks for a fact, or has alternatives or a "
            f"ground_truth in its metadata. Leave out --correct and --wrong."
        )
    left = model["queries"] - model["predicted"]
    notice = f"{left} of the {model['queries']} queries of {source!r} are not predicted and were left out. {run_it}"
    return model["model_id"], (notice,) if left else ()


def _is_meant(model: dict[str, Any], asked: str) -> bool:
    """Whether a stored model is the one of a name, or of a folder's weights."""
    if model["name"] == asked:
        return True
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        return False
    from trackstar_db.attribution.model_files import model_digest

    return model_digest(folder) == bytes(model["content_digest"])
