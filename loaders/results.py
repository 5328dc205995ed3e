"""Retrieval results: published answers become a run, with its queries, documents and entailment labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.decide import LoadRow, decide
from trackstar_db.loaders.destinations import ensure_query_set
from trackstar_db.loaders.imported_run import ImportedRun, find_run
from trackstar_db.loaders.labels import store_labels
from trackstar_db.loaders.options import OnConflict, ResultDefaults
from trackstar_db.loaders.readers import RawRecord, Source
from trackstar_db.loaders.result_documents import store_documents
from trackstar_db.loaders.result_queries import StoredQuery, refuse_other_queries, store_queries
from trackstar_db.loaders.result_records import ResultRow, parse_result
from trackstar_db.loaders.staging import RowsRefused, Stored


class Results:
    """The loading of retrieval results into a run."""

    name = "results"

    def __init__(self, run: str, defaults: ResultDefaults) -> None:
        self.destination = run
        self.settings: dict[str, object] = asdict(defaults)
        self._defaults = defaults
        self._corpus = defaults.corpus or run
        self._labeler = defaults.labeler or f"results:{run}"

    def parse(self, raw: RawRecord, source: Source) -> ResultRow:
        """The row of one record; raises InvalidRecord."""
        return parse_result(raw, source, self.destination, self._defaults.query_set)

    def store(self, connection: Connection[TupleRow], rows: Sequence[ResultRow], on_conflict: OnConflict) -> Stored:
        """What became of the rows, which are written with their queries, documents and labels.

        Raises RowsRefused for records that contradict what is stored, and InputError for a run that was not imported.
        """
        if not rows:  # no run is made for records that were all rejected
            return Stored.of(decide(rows, {}, on_conflict))
        run = find_run(connection, self.destination, self._defaults, rows[0])
        _refuse_other_sets(rows, run)
        query_set_id = ensure_query_set(connection, run.query_set)
        refuse_other_queries(connection, rows, query_set_id)
        decision = decide(rows, run.digests(connection, rows, query_set_id), on_conflict)
        stored = Stored.of(decision)
        if written := decision.written:
            queries = store_queries(connection, written, query_set_id)
            documents = store_documents(connection, written, self._corpus)
            run.ensure(connection, query_set_id)
            run.write(connection, decision, queries, documents)
            labels = [label for row in written for label in self._labels(row, queries[row.key], documents)]
            stored.notices += self._store_labels(connection, labels, run, on_conflict)
        return stored

    def _labels(self, row: ResultRow, asked: StoredQuery, documents: Mapping[str, int]) -> list[LoadRow]:
        """The entailment scores of a row as labels: of its query's fact, or of the query where that has none."""
        about = (None, asked.query_id) if asked.fact_id is None else (asked.fact_id, None)
        return [
            LoadRow(row.line, row.place, (documents[entry.document], *about, self._labeler), entry.ais_score)
            for entry in row.retrieved["proponent"]
            if entry.ais_score is not None
        ]

    def _store_labels(
        self, connection: Connection[TupleRow], labels: Sequence[LoadRow], run: ImportedRun, on_conflict: OnConflict
    ) -> list[str]:
        """Notices; the labels are stored, and the labeler judges the run."""
        if not labels:
            return []
        connection.execute(query("load_result_labeler"), {"run_id": run.run_id, "labeler": self._labeler})
        if not store_labels(connection, labels, on_conflict).differing:
            return []
        return [
            f"AIS scores differ from the label of {self._labeler!r} that is stored for their document and fact or "
            "query, which was kept; the run keeps what its records say"
        ]


def _refuse_other_sets(rows: Sequence[ResultRow], run: ImportedRun) -> None:
    """Nothing; raises RowsRefused for queries of another set than the run's."""
    reasons = {
        row.line: f"is of query set {row.query_set!r}, and the run is of {run.query_set!r}; "
        "load it into another --run, or name one --query-set for all"
        for row in rows
        if row.query_set != run.query_set
    }
    if reasons:
        raise RowsRefused(reasons)
