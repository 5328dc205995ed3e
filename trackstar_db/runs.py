"""Runs in the database: listed and dropped."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from trackstar_db.engine import Database
from trackstar_db.errors import AlreadyExists, NotFound
from trackstar_db.queries import query


def list_runs(database: Database) -> list[dict[str, Any]]:
    """Every run, a mapping each, oldest first."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("run_list")).fetchall()


def drop_run(database: Database, name: str) -> None:
    """Nothing; the run and its proponents are gone. Raises NotFound."""
    with database.connect() as connection:
        if connection.execute(query("run_drop"), {"name": name}).fetchone() is None:
            raise NotFound(f"no run named {name!r}. See: trackstar run list")


def run_taken(name: str) -> AlreadyExists:
    """The error for a run's name that is there already."""
    return AlreadyExists(
        f"a run named {name!r} is there already. Choose another name, or run: trackstar run drop {name}"
    )
