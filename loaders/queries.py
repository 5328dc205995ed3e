"""Queries: prompts with the targets whose prediction is traced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.decide import LoadRow, decide
from trackstar_db.loaders.destinations import ensure_query_set
from trackstar_db.loaders.options import OnConflict
from trackstar_db.loaders.readers import RawRecord, Source
from trackstar_db.loaders.records import Record, content_digest
from trackstar_db.loaders.staging import Staged, Stored, stage, write_decided

ID_FIELDS = ("id", "query_id", "example_id", "trex_id")


@dataclass(frozen=True)
class QueryRow(LoadRow):
    """A query as it is stored, by its external id."""

    prompt: str
    target: str
    fact_id: str | None
    metadata: str


class Queries:
    """The loading of queries into a query set."""

    name = "queries"

    def __init__(self, query_set: str) -> None:
        self.destination = query_set
        self.settings: dict[str, object] = {}

    def parse(self, raw: RawRecord, source: Source) -> QueryRow:
        """The row of one record; raises InvalidRecord."""
        record = Record(raw, source.name)
        own_id = record.identifier(*ID_FIELDS)
        prompt = record.string("prompt", "inputs_plaintext")
        target = record.text("target", "targets_plaintext")
        fact_id = record.identifier("fact_id")
        metadata = record.metadata()
        digest = content_digest(prompt, target, fact_id, metadata)
        external_id = record.place if own_id is None else own_id
        said = (external_id, digest, prompt, target, fact_id, metadata)
        return QueryRow(raw.line, record.place, *said, is_generated=own_id is None)

    def store(self, connection: Connection[TupleRow], rows: Sequence[QueryRow], on_conflict: OnConflict) -> Stored:
        """What became of the rows; a query of a fact that is not loaded is rejected."""
        asked = list({row.fact_id for row in rows if row.fact_id is not None})
        there = {fact for (fact,) in connection.execute(query("load_facts_there"), {"keys": asked})}
        rejections = {
            row.line: f"names fact {row.fact_id!r}, which is not loaded; load its facts first"
            for row in rows
            if row.fact_id is not None and row.fact_id not in there
        }
        kept = [row for row in rows if row.line not in rejections]
        stored = store_queries(connection, self.destination, kept, on_conflict)
        stored.rejections.update(rejections)
        return stored


def store_queries(
    connection: Connection[TupleRow], query_set: str, rows: Sequence[QueryRow], on_conflict: OnConflict
) -> Stored:
    """What became of queries whose facts are there."""
    if not rows:  # no query set is made for records that were all rejected
        return Stored.of(decide(rows, {}, on_conflict))
    query_set_id = ensure_query_set(connection, query_set)
    keys = {"query_set_id": query_set_id, "keys": [row.key for row in rows]}
    digests = connection.execute(query("load_query_digests"), keys).fetchall()
    decision = decide(rows, dict(digests), on_conflict)
    if decision.written:
        stage(connection, "query", [_staged(row) for row in decision.written])
        write_decided(connection, "query", decision, query_set_id=query_set_id)
    return Stored.of(decision)


def _staged(row: QueryRow) -> Staged:
    return row.line, (row.key, row.prompt, row.target, row.fact_id, row.metadata, row.content)
