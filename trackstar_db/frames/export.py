"""Files of views and of answers of SQL, each written whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from trackstar_db.database.engine import Connection, Database
from trackstar_db.errors import InputError
from trackstar_db.frames.formats import STREAMED, Format, format_of
from trackstar_db.frames.reading import Batches, open_batches, reading
from trackstar_db.frames.sqlite_file import open_sqlite, write_table
from trackstar_db.frames.views import Wanted, view_statement
from trackstar_db.output_file import open_output
from trackstar_db.progress import progress_bar


@dataclass
class FileSummary:
    """What was written: the rows of each table, by its name."""

    output: str
    format: Format
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def export_views(
    database: Database,
    views: Sequence[str],
    output: str | Path = "-",
    where: Wanted | None = None,
    file_format: Format | None = None,
) -> FileSummary:
    """What was written of views of schema tda, all in one state of the database.

    views: one, or for SQLite any number, a table each
    output: a file, or `-` for standard output; csv and jsonl are compressed where its name ends in .gz or .zst
    where: columns and what they hold: a value, one of several in a list, or None for nothing
    file_format: what the file's ending says, unless given

    Raises NotFound, InputError, StatementRefused.
    """
    with reading(database) as connection:
        statements = {view.removeprefix("tda."): view_statement(connection, view, where) for view in views}
        return _write(connection, statements, (), str(output), file_format)


def export_select(
    database: Database,
    statement: str,
    parameters: Sequence[object] = (),
    output: str | Path = "-",
    file_format: Format | None = None,
) -> FileSummary:
    """What was written of the answer of one SELECT; in SQLite the table `answer`.

    Raises StatementRefused, InputError.
    """
    with reading(database) as connection:
        return _write(connection, {"answer": statement}, parameters, str(output), file_format)


def _write(
    connection: Connection,
    statements: Mapping[str, str],
    parameters: Sequence[object],
    output: str,
    file_format: Format | None,
) -> FileSummary:
    summary = FileSummary(output, format_of(output, file_format))
    if len(statements) != 1 and summary.format != "sqlite":
        raise InputError(f"{summary.format} holds one table, not {len(statements)}. Take sqlite, or a file for each.")
    with timed(summary):
        if summary.format == "sqlite":
            with open_sqlite(output) as file:
                for name, statement in statements.items():
                    with open_batches(connection, statement, parameters) as found:
                        write_table(file, name, found.schema, counted(summary, name, found))
        else:
            ((name, statement),) = statements.items()
            with open_batches(connection, statement, parameters) as found, open_output(output) as stream:
                STREAMED[summary.format](stream, found.schema, counted(summary, name, found))
    return summary


def counted(summary: FileSummary, name: str, found: Batches, total: int | None = None) -> Iterator[pa.RecordBatch]:
    """The batches, counted while they are written."""
    summary.rows[name] = 0
    with progress_bar(total, name, "row") as bar:
        for batch in found.batches:
            yield batch
            summary.rows[name] += batch.num_rows
            bar.update(batch.num_rows)


@contextmanager
def timed(summary: FileSummary) -> Iterator[None]:
    """Nothing; the summary gets the seconds that the block takes."""
    began = time.perf_counter()
    yield
    summary.seconds = time.perf_counter() - began
