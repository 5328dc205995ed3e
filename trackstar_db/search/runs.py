"""Runs in the database: found by name, listed and dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.errors import AlreadyExists, NotFound


def list_runs(database: Database) -> list[dict[str, Any]]:
    """Every run, a mapping each, oldest first."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("run_list")).fetchall()


def find_runs(connection: Connection[TupleRow], names: Sequence[str]) -> dict[int, str]:
    """The runs that are meant, number and name, oldest first.

    names: of runs, or patterns such as `right/*`
    Raises NotFound for a name or pattern that no run has.
    """
    there: dict[int, str] = dict(connection.execute(query("run_names")).fetchall())
    for name in names:
        if not any(_is_meant(run, name) for run in there.values()):
            raise _not_there(name, there.values())
    return {number: run for number, run in there.items() if any(_is_meant(run, name) for name in names)}


def require_run(connection: Connection[TupleRow], name: str) -> None:
    """Nothing; raises NotFound where no run has exactly this name."""
    there = [run for _, run in connection.execute(query("run_names"))]
    if name not in there:
        raise _not_there(name, there)


def _not_there(name: str, there: Collection[str]) -> NotFound:
    known = f"the database has: {', '.join(there)}" if there else "the database has none yet"
    return NotFound(f"no run named {name!r}; {known}. See: trackstar run list")


def _is_meant(run: str, name: str) -> bool:
    return run == name or fnmatchcase(run, name)


def drop_run(database: Database, name: str) -> None:
    """Nothing; the run and its proponents are gone, or what an interrupted search for it had found. Raises NotFound."""
    with database.connect() as connection:
        was_unfinished = connection.execute(query("search_drop"), {"run": name}).fetchone() is not None
        if connection.execute(query("run_drop"), {"name": name}).fetchone() is None and not was_unfinished:
            raise NotFound(f"no run named {name!r}. See: trackstar run list")


def run_taken(name: str) -> AlreadyExists:
    """The error for a run's name that is there already."""
    return AlreadyExists(
        f"a run named {name!r} is there already. Choose another name, or run: trackstar run drop {name}"
    )
