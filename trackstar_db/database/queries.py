"""Named SQL: each file of sql/queries is one query, its first line a comment with the intent."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from psycopg.sql import SQL


@cache
def query(name: str) -> SQL:
    """The query of sql/queries/NAME.sql, with psycopg's %(parameter)s placeholders."""
    return SQL((files("trackstar_db.sql") / "queries" / f"{name}.sql").read_text(encoding="utf-8"))
