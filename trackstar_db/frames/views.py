"""Views of schema tda as statements: all their rows, or those with certain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

from psycopg import sql

from trackstar_db.database.engine import Connection
from trackstar_db.database.queries import query
from trackstar_db.errors import InputError, NotFound

Wanted: TypeAlias = "Mapping[str, object]"
"""Columns and what they hold: a value, one of several in a list, or None for nothing."""


def view_statement(connection: Connection, view: str, where: Wanted | None = None) -> str:
    """The statement for the rows of a view, by its name with or without `tda.`.

    Raises NotFound for a view that is not there, InputError for a column that it does not have.
    """
    columns: dict[str, list[str]] = dict(connection.execute(query("frame_views")).fetchall())
    name = view.removeprefix("tda.")
    if name not in columns:
        raise NotFound(f"schema tda has no view {name!r}.{_meant(name, columns)} It has: {', '.join(columns)}.")
    for column in where or {}:
        if column not in columns[name]:
            meant = _meant(column, columns[name])
            raise InputError(f"tda.{name} has no column {column!r}.{meant} It has: {', '.join(columns[name])}.")
    statement = sql.SQL("SELECT * FROM tda.{}").format(sql.Identifier(name))
    conditions = [_condition(column, value) for column, value in (where or {}).items()]
    if conditions:
        statement += sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(conditions))
    return statement.as_string(connection)


def _condition(column: str, value: object) -> sql.Composed:
    """What a row must fulfil; a text takes the type of its column."""
    if value is None:
        return sql.SQL("{} IS NULL").format(sql.Identifier(column))
    if isinstance(value, (list, tuple, set, frozenset)):
        known = [sql.Literal(item) for item in value if item is not None]
        parts = [sql.SQL("{} IN ({})").format(sql.Identifier(column), sql.SQL(", ").join(known))] if known else []
        parts += [_condition(column, None)] if len(known) < len(value) else []
        return sql.SQL("({})").format(sql.SQL(" OR ").join(parts)) if parts else sql.SQL("false").format()
    return sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value))


def _meant(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
