"""A file of results, opened without being loaded for good: a database of its own on the embedded server.

What its records say of facts becomes rows there, as if facts had been loaded: so every page shows an opened file as it
shows a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.locks import locked
from trackstar_db.database.queries import query
from trackstar_db.database.schema import initialize
from trackstar_db.errors import InvalidRecord, UnreadableSource
from trackstar_db.loaders.destinations import check_run_name
from trackstar_db.loaders.load import load
from trackstar_db.loaders.options import LoadOptions, LoadSummary, ResultDefaults
from trackstar_db.loaders.readers import RawRecord, Source, find_sources
from trackstar_db.loaders.result_records import ID_FIELDS, ResultRow
from trackstar_db.loaders.results import Results
from trackstar_db.store import Store
from trackstar_db.viewer.records import first, shown

PREFIX = "trackstar_file_"
MAINTENANCE = "postgres"
LONGEST_NAME = 200
NOT_IN_NAMES = str.maketrans(",*?[", "____")  # which choose several runs on the command line
STEPS = ("relations", "entities", "facts", "queries", "annotations")


def no_one(_: str) -> None:
    """Nothing is told."""


@contextmanager
def opened_file(
    path: Path, server: EmbeddedServer | None = None, tell: Callable[[str], object] = no_one
) -> Iterator[Database]:
    """A database that holds the file's results as a run, named after the file; it is dropped at the end.

    What was left over by programs that were killed is dropped first.
    tell: is given a line for whatever of the file was left out
    Raises UnreadableSource, InvalidRecord, EmbeddedServerError.
    """
    if not path.is_file():
        raise UnreadableSource(
            f"{path} is not a file. Give a file of retrieval results, JSON Lines (.gz and .zst too)."
        )
    server = server or EmbeddedServer()
    server.start()
    name = PREFIX + token_hex(8)
    with _kept(server, name):
        database = open_database(server.url(database=name))
        try:
            initialize(database)
            _load(database, path, tell)
            yield database
        finally:
            database.close()


@contextmanager
def _kept(server: EmbeddedServer, name: str) -> Iterator[None]:
    """A new database, which nobody takes for a leftover while this program is connected to it; gone afterwards."""
    with psycopg.connect(_address(server, MAINTENANCE), autocommit=True) as session, locked(session, "opened files"):
        for left in _databases(session):
            with suppress(psycopg.errors.ObjectInUse):
                _administer(session, "DROP DATABASE IF EXISTS {}", left)
        _administer(session, "CREATE DATABASE {}", name)
        keeper = psycopg.connect(_address(server, name))
    try:
        yield
    finally:
        keeper.close()
        with psycopg.connect(_address(server, MAINTENANCE), autocommit=True) as session:
            _administer(session, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


class _FileResults(Results):
    """The loading of a file that may use one id for a query of two tasks."""

    def __init__(self, run: str) -> None:
        super().__init__(run, ResultDefaults(query_set=run))
        self._tasks: dict[str, str | None] = {}

    def parse(self, raw: RawRecord, source: Source) -> ResultRow:
        """The row of one record; with an id that another task has used, its query is called by id and task."""
        row = super().parse(raw, source)
        task = shown(first(row.kept.get("task"), row.kept.get("query_set")))
        if self._tasks.setdefault(row.key, task) == task:
            return row
        own_id = {name: row.key for name in ID_FIELDS if name in row.fields and name not in row.kept}
        return replace(row, key=f"{row.key} ({task or 'no task'})", kept={**row.kept, **own_id})


def _load(database: Database, path: Path, tell: Callable[[str], object]) -> None:
    """Nothing; the file is a run, with what it says of facts, and lists are computed."""
    name = path.name.encode(errors="replace").decode().translate(NOT_IN_NAMES)[:LONGEST_NAME]
    try:
        summary = load(database, _FileResults(check_run_name(name)), find_sources([path], "jsonl"), LoadOptions())
    except UnreadableSource as error:
        if isinstance(error.__cause__, EOFError):  # its advice is for a load
            raise UnreadableSource(f"{path} is cut off: its compressed data has no end. Get the whole file.") from error
        raise
    if summary.read and summary.rejected == summary.read:
        raise InvalidRecord(f"{path} has no record that can be shown. The first, {summary.first_rejection}.")
    for notice in _notices(summary):
        tell(notice)
    with database.connect() as connection:
        row = connection.execute(query("export_run"), {"name": name}).fetchone()
        if row is None:  # an empty file makes no run
            raise UnreadableSource(f"{path} has no records. Expected retrieval results, one JSON object a line.")
        connection.execute(query("viewer_file_say"), {"run_id": row[0]})
        for step in STEPS:
            connection.execute(query(f"viewer_file_{step}"))
    Store(database).refresh()


def _notices(summary: LoadSummary) -> Iterator[str]:
    """What of the file is not shown."""
    if summary.rejected:
        yield f"{summary.rejected:,} of {summary.read:,} records were left out. The first, {summary.first_rejection}."
    if summary.differing:
        yield (
            f"{summary.differing:,} of {summary.read:,} records have the id of one before, and say something else: "
            f"that one is shown. The first: {summary.first_differing}."
        )
    yield from summary.remarks


def _databases(session: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Databases of opened files."""
    return [str(name) for (name,) in session.execute(query("viewer_file_databases"), {"prefix": PREFIX})]


def _address(server: EmbeddedServer, database: str) -> str:
    return make_conninfo("", **server.parameters(database=database))


def _administer(session: psycopg.Connection[tuple[object, ...]], statement: str, name: str) -> None:
    """Run a statement about a whole database."""
    session.execute(sql.SQL(statement).format(sql.Identifier(name)))
