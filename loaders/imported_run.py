"""The run that retrieval results go to: made with the first of them, and right after every part."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from trackstar_db import __version__
from trackstar_db.database.queries import query
from trackstar_db.errors import InputError
from trackstar_db.loaders.decide import Decision
from trackstar_db.loaders.options import ResultDefaults
from trackstar_db.loaders.records import canonical_json
from trackstar_db.loaders.result_queries import StoredQuery
from trackstar_db.loaders.result_records import FACT, ResultRow
from trackstar_db.loaders.staging import Overtaken, Staged, stage, write_decided

METHOD = "imported"


@dataclass
class ImportedRun:
    """A run of published results.

    run_id: None before it is made
    sources: where its records came from
    """

    name: str
    method: str
    query_set: str
    model_name: str | None
    run_id: int | None = None
    sources: list[str] = field(default_factory=list)

    @property
    def _settings(self) -> Jsonb:
        return Jsonb({"imported": {"sources": self.sources, "model_name": self.model_name}})

    def digests(
        self, connection: Connection[TupleRow], rows: Sequence[ResultRow], query_set_id: int
    ) -> dict[Hashable, Hashable]:
        """What the run says of the rows' queries, as digests by external id."""
        keys = {"run_id": self.run_id, "query_set_id": query_set_id, "keys": [row.key for row in rows]}
        return dict(connection.execute(query("load_result_digests"), keys).fetchall())

    def ensure(self, connection: Connection[TupleRow], query_set_id: int) -> None:
        """Nothing; the run is there. Raises Overtaken where another load has made it just now."""
        if self.run_id is not None:
            return
        parameters = {
            "name": self.name,
            "method": self.method,
            "query_set_id": query_set_id,
            "code_version": __version__,
            "settings": self._settings,
        }
        row = connection.execute(query("load_result_run_insert"), parameters).fetchone()
        if row is None:
            raise Overtaken("load_result_run_insert")
        self.run_id = row[0]

    def write(
        self,
        connection: Connection[TupleRow],
        decision: Decision[ResultRow],
        queries: Mapping[str, StoredQuery],
        documents: Mapping[str, int],
    ) -> None:
        """Nothing; the records are in the run, and its row tells so."""
        rows = decision.written
        run = {"run_id": self.run_id}
        stage(connection, "result", [_staged(row, queries[row.key]) for row in rows])
        write_decided(connection, "result", decision, **run)
        replaced = [queries[row.key].query_id for row in decision.to_update]
        connection.execute(query("load_result_forget"), {**run, "query_ids": replaced})
        listed = list({documents[entry.document] for row in rows for entry in row.entries})
        (new_documents,) = connection.execute(
            query("load_result_new_documents"), {**run, "document_ids": listed}
        ).fetchone() or (0,)
        self._copy_proponents(connection, rows, queries, documents)
        self.sources += [source for source in dict.fromkeys(row.source for row in rows) if source not in self.sources]
        grown = {
            "queries": len(decision.to_insert),
            "documents": new_documents,
            "top_k": max(len(entries) for row in rows for entries in row.retrieved.values()),
            "settings": self._settings,
        }
        connection.execute(query("load_result_run_grow"), {**run, **grown})
        if replaced:
            connection.execute(query("load_result_run_recount"), run)

    def _copy_proponents(
        self,
        connection: Connection[TupleRow],
        rows: Sequence[ResultRow],
        queries: Mapping[str, StoredQuery],
        documents: Mapping[str, int],
    ) -> None:
        """Nothing; proponents and opponents are written, ranked as they are listed."""
        with connection.cursor().copy(query("run_copy_proponents")) as copy:
            copy.set_types(["int8", "int8", "text", "int4", "int8", "float8"])
            for row in rows:
                query_id = queries[row.key].query_id
                for direction, entries in row.retrieved.items():
                    for rank, entry in enumerate(entries, start=1):
                        document_id = documents[entry.document]
                        copy.write_row((self.run_id, query_id, direction, rank, document_id, entry.score))


def find_run(connection: Connection[TupleRow], name: str, defaults: ResultDefaults, first: ResultRow) -> ImportedRun:
    """The run, locked until the transaction ends; one that is not made yet where there is none.

    first: the record by which a new run knows its method and query set
    Raises InputError for a run that was not imported, or was imported as something else.
    """
    row = connection.execute(query("load_result_run"), {"name": name}).fetchone()
    if row is None:
        return ImportedRun(name, defaults.method or first.method or METHOD, first.query_set, defaults.model_name)
    run_id, method, query_set, imported = row
    if imported is None:
        raise InputError(
            f"run {name!r} was made here by method {method!r}; results are added to imported runs only. "
            "Choose another --run."
        )
    _check_same(name, "method", defaults.method, method)
    _check_same(name, "model name", defaults.model_name, imported["model_name"])
    return ImportedRun(name, method, query_set, imported["model_name"], run_id, list(imported["sources"]))


def _check_same(run: str, what: str, given: str | None, stored: str | None) -> None:
    if given not in (None, stored):
        known = f"with {what} {stored!r}" if stored else f"without a {what}"
        option = "--" + what.replace(" ", "-")
        raise InputError(
            f"run {run!r} was imported {known}; given was {given!r}. Leave {option} out, or choose another --run."
        )


def _staged(row: ResultRow, asked: StoredQuery) -> Staged:
    """A record with what the other tables do not hold of it."""
    is_held = asked.fact_id is not None and row.kept.get(FACT) == asked.fact_id
    kept = {name: value for name, value in row.kept.items() if not (is_held and name == FACT)}
    return row.line, (asked.query_id, row.fields, canonical_json(kept), row.content)
