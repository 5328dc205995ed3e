"""Entailment labels: how far a document states a fact, or what a query asks for, after one labeler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.decide import Decision, LoadRow, decide
from trackstar_db.loaders.options import LabelDefaults, OnConflict
from trackstar_db.loaders.readers import RawRecord, Source
from trackstar_db.loaders.records import Record
from trackstar_db.loaders.resolution import Targets
from trackstar_db.loaders.staging import Staged, Stored, stage, write_decided


@dataclass(frozen=True)
class LabelRow:
    """A label as its record names document, and fact or query; score from 0 to 1."""

    line: int
    place: str
    document: str
    corpus: str | None
    fact_id: str | None
    query: str | None
    query_set: str | None
    score: float
    labeler: str


class Labels:
    """The loading of entailment labels."""

    name = "labels"

    def __init__(self, defaults: LabelDefaults) -> None:
        self.destination = ""
        self.settings: dict[str, object] = {
            "corpus": defaults.corpus,
            "query_set": defaults.query_set,
            "labeler": defaults.labeler,
        }
        self._defaults = defaults

    def parse(self, raw: RawRecord, source: Source) -> LabelRow:
        """The row of one record; raises InvalidRecord."""
        record = Record(raw, source.name)
        fact_id, query_id = record.identifier("fact_id"), record.identifier("query_id", "example_id")
        if (fact_id is None) == (query_id is None):
            found = "neither fact_id nor query_id" if fact_id is None else "both fact_id and query_id"
            raise InvalidRecord(f"has {found}; expected one of them")
        labeler = record.identifier("labeler") or self._defaults.labeler
        if labeler is None:
            raise InvalidRecord("no field 'labeler'; give the record one, or name it with --labeler")
        return LabelRow(
            raw.line,
            record.place,
            document=record.required_identifier("document_id", "sentence_id"),
            corpus=record.identifier("corpus") or self._defaults.corpus,
            fact_id=fact_id,
            query=query_id,
            query_set=record.identifier("query_set") or self._defaults.query_set,
            score=_score(record),
            labeler=labeler,
        )

    def store(self, connection: Connection[TupleRow], rows: Sequence[LabelRow], on_conflict: OnConflict) -> Stored:
        """What became of the rows; a label of something that is not loaded is rejected."""
        targets = Targets(connection, rows)
        resolved: list[LoadRow] = []
        rejections: dict[int, str] = {}
        for row in rows:
            try:
                key = (
                    targets.document(row),
                    row.fact_id and targets.fact(row),
                    row.query and targets.query(row),
                )
                resolved.append(LoadRow(row.line, row.place, (*key, row.labeler), row.score))
            except InvalidRecord as error:
                rejections[row.line] = str(error)
        return Stored.of(store_labels(connection, resolved, on_conflict), rejections)


def store_labels(
    connection: Connection[TupleRow], rows: Sequence[LoadRow], on_conflict: OnConflict
) -> Decision[LoadRow]:
    """What became of labels of things that are there.

    rows: their key is document, fact, query and labeler, fact or query None; their content is the score
    """
    documents = list({row.key[0] for row in rows})  # type: ignore[index]
    found = connection.execute(query("load_label_scores"), {"keys": documents}).fetchall()
    decision = decide(rows, {tuple(key): score for *key, score in found}, on_conflict)
    if decision.written:
        stage(connection, "label", [_staged(row) for row in decision.written])
        write_decided(connection, "label", decision)
    return decision


def _score(record: Record) -> float:
    score = record.share("score", "ais_score")
    if score is not None:
        return score
    is_entailed = record.boolean("is_entailed", "label")
    if is_entailed is None:
        raise InvalidRecord("no field 'score' or 'is_entailed'; expected a number from 0 to 1, or a boolean")
    return float(is_entailed)


def _staged(row: LoadRow) -> Staged:
    return row.line, (*row.key, row.content)  # type: ignore[misc]
