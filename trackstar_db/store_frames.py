"""The part of the store for data frames: Arrow tables, gradients in chunks, files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.errors import InsufficientPrivilege

from trackstar_db.database.engine import Database
from trackstar_db.store_base import OpenStore

if TYPE_CHECKING:  # pyarrow takes a while to import
    import pyarrow as pa
    from typing_extensions import Self

    from trackstar_db.frames.export import FileSummary
    from trackstar_db.frames.formats import Format
    from trackstar_db.frames.views import Wanted


class Frames(OpenStore):
    """What pandas, polars, DuckDB and everything else that speaks Arrow takes."""

    @cached_property
    def _readable(self) -> Database:
        """The database, at the code's revision: a login that can only read may not see its tables, and need not."""
        from trackstar_db.database.reader import reader_of

        try:
            return self._current
        except InsufficientPrivilege:
            return reader_of(self.database)

    def as_reader(self) -> Self:
        """The same database by a login that can only read: tda_reader, or this store's own where it can do no more."""
        from trackstar_db.database.reader import reader_of

        return type(self)(reader_of(self.database))

    def table(self, view: str, where: Wanted | None = None) -> pa.Table:
        """The rows of a view of schema tda, in no certain order.

            store.table("proponent", {"run": "demo", "direction": "proponent"}).to_pandas()

        where: columns and what they hold: a value, one of several in a list, or None for nothing
        """
        from trackstar_db.frames.reading import open_batches, reading
        from trackstar_db.frames.views import view_statement

        with reading(self._readable) as connection:
            statement = view_statement(connection, view, where)
            with open_batches(connection, statement) as found:
                return found.reader.read_all()

    def select(self, statement: str, *parameters: object) -> pa.Table:
        """The answer of one SELECT, read-only.

            store.select("SELECT run, avg(reciprocal_rank) AS mrr FROM tda.query_metric WHERE judge = $1 GROUP BY run",
                         "annotation")

        parameters: for $1, $2… in the statement; each gets its type from where it stands
        """
        with self.batches(statement, *parameters) as reader:
            return reader.read_all()

    @contextmanager
    def batches(self, statement: str, *parameters: object) -> Iterator[pa.RecordBatchReader]:
        """The answer of one SELECT as it is fetched, a few megabytes at a time; read it inside the `with` block."""
        from trackstar_db.frames.reading import open_batches, reading

        with reading(self._readable) as connection, open_batches(connection, statement, parameters) as found:
            yield found.reader

    @contextmanager
    def gradients(self, encoding: str, corpus: str | None = None) -> Iterator[pa.RecordBatchReader]:
        """The gradients of an encoding's documents, 32 MB at a time; read them inside the `with` block.

        A row holds document_id, external_id, corpus and gradient, a fixed-size list of half-precision numbers in unit
        norm. They come in the order of document_id, which is that of loading.
        """
        from trackstar_db.frames.gradients import open_gradients

        with open_gradients(self._current, encoding, corpus) as found:
            yield found.reader

    def export_views(
        self,
        views: str | Sequence[str],
        output: str | Path,
        where: Wanted | None = None,
        file_format: Format | None = None,
    ) -> FileSummary:
        """What was written of views of schema tda: to Parquet, Arrow, CSV, JSON Lines, or several to SQLite."""
        from trackstar_db.frames.export import export_views

        names = [views] if isinstance(views, str) else views
        return export_views(self._readable, names, output, where, file_format)

    def export_select(
        self,
        statement: str,
        output: str | Path,
        parameters: Sequence[object] = (),
        file_format: Format | None = None,
    ) -> FileSummary:
        """What was written of the answer of one SELECT, in any of the formats for views."""
        from trackstar_db.frames.export import export_select

        return export_select(self._readable, statement, parameters, output, file_format)

    def export_gradients(
        self, encoding: str, output: str | Path, corpus: str | None = None, file_format: Format | None = None
    ) -> FileSummary:
        """What was written of an encoding's gradients: to Parquet, or to an Arrow file that maps into memory."""
        from trackstar_db.frames.gradients import export_gradients

        return export_gradients(self._current, encoding, output, corpus, file_format)
