"""Named SQL: each file of sql/queries is one query, its first line a comment with the intent."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import cast

from psycopg.sql import SQL
from typing_extensions import LiteralString


@cache
def query(name: str) -> SQL:
    """The query of sql/queries/NAME.sql, with psycopg's %(parameter)s placeholders."""
    text = files("trackstar_db.sql").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
    return SQL(cast(LiteralString, text))
