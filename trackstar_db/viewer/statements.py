"""What is read for one page: statements run on its connection, kept as text to copy, and timed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg import ClientCursor, sql
from psycopg.rows import RowFactory, class_row, dict_row

from trackstar_db.database.queries import query
from trackstar_db.viewer.escapes import readable_sql

Made = TypeVar("Made")

WHOLE = 2**31 - 2
"""A number of characters that no text has: PostgreSQL's substr and left then give the whole."""

Parameters = Mapping[str, object]
"""Values by the name of their placeholder."""


class Statements:
    """The statements of one page, on a connection that reads.

    shown: each statement that was run, its parameters as literals: psql runs it as it stands
    seconds: that the database took for them, the way there and back included
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.shown: list[str] = []
        self.seconds = 0.0

    def rows(
        self, name: str, kind: type[Made], parameters: Parameters | None = None, **parts: sql.Composable
    ) -> list[Made]:
        """What sql/queries/NAME.sql finds, an object of `kind` for each row, its fields by the columns' names.

        parts: what stands for the query's {part}s
        """
        return self._run(name, class_row(kind), parameters, parts)

    def mappings(
        self, name: str, parameters: Parameters | None = None, **parts: sql.Composable
    ) -> list[dict[str, Any]]:
        """What sql/queries/NAME.sql finds, a mapping for each row."""
        return self._run(name, dict_row, parameters, parts)

    def _run(
        self,
        name: str,
        row_factory: RowFactory[Made],
        parameters: Parameters | None,
        parts: Mapping[str, sql.Composable],
    ) -> list[Made]:
        statement = query(name).format(**parts)
        values = parameters or {}
        self.shown.append(readable_sql(ClientCursor(self._connection).mogrify(statement, values).rstrip()))
        began = time.perf_counter()
        try:
            with self._connection.cursor(row_factory=row_factory) as cursor:
                return cursor.execute(statement, values).fetchall()
        finally:
            self.seconds += time.perf_counter() - began
