"""Documents and sentences: texts of a corpus, sentences with the facts that they are said to state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.annotations import annotate
from trackstar_db.loaders.decide import LoadRow, decide
from trackstar_db.loaders.destinations import ensure_corpus
from trackstar_db.loaders.options import DocumentFields, OnConflict
from trackstar_db.loaders.readers import RawRecord, Source
from trackstar_db.loaders.records import Record, content_digest
from trackstar_db.loaders.staging import Staged, Stored, stage, write_decided

ID_FIELDS = ("id", "sentence_id", "document_id")


@dataclass(frozen=True)
class DocumentRow(LoadRow):
    """A document as it is stored, by its external id; fact_ids: the facts that its source says it states."""

    text: str
    metadata: str
    fact_ids: tuple[str, ...] = ()


class Documents:
    """The loading of documents, or of sentences with their facts, into a corpus."""

    def __init__(self, corpus: str, fields: DocumentFields, name: Literal["documents", "sentences"]) -> None:
        self.name = name
        self.destination = corpus
        self.settings: dict[str, object] = {
            "id_field": fields.id_field,
            "text_field": fields.text_field,
            "split": fields.split,
        }
        self._fields = fields

    def parse(self, raw: RawRecord, source: Source) -> DocumentRow:
        """The row of one record; raises InvalidRecord."""
        record = Record(raw, source.name)
        own_id = self._own_identifier(record, source)
        is_generated = own_id is None or source.format == "text"  # the text reader makes its ids
        text = record.text(self._fields.text_field, advice="; name the text's field with --text-field")
        facts = tuple(record.identifiers("fact_triples")) if self.name == "sentences" else ()
        metadata = record.metadata()
        digest = content_digest(text, metadata, *sorted(facts))
        external_id = record.place if own_id is None else own_id
        said = (external_id, digest, text, metadata, facts)
        return DocumentRow(raw.line, record.place, *said, is_generated=is_generated)

    def _own_identifier(self, record: Record, source: Source) -> str | None:
        """The id that the record has; None where it is to be known by file and line, as all of C4 is."""
        if self._fields.id_field is not None:
            return record.required_identifier(self._fields.id_field)
        if source.format == "c4":
            return None
        return record.identifier(*ID_FIELDS)

    def store(self, connection: Connection[TupleRow], rows: Sequence[DocumentRow], on_conflict: OnConflict) -> Stored:
        """What became of the rows, which are written and annotated."""
        if not rows:  # no corpus is made for records that were all rejected
            return Stored.of(decide(rows, {}, on_conflict))
        corpus_id = ensure_corpus(connection, self.destination)
        keys = {"corpus_id": corpus_id, "keys": [row.key for row in rows]}
        digests = connection.execute(query("load_document_digests"), keys).fetchall()
        decision = decide(rows, dict(digests), on_conflict)
        if written := decision.written:
            stage(connection, "document", [_staged(row) for row in written])
            write_decided(connection, "document", decision, corpus_id=corpus_id)
            annotate(connection, [(row.line, (fact_id, row.key)) for row in written for fact_id in row.fact_ids])
        return Stored.of(decision)


def _staged(row: DocumentRow) -> Staged:
    return row.line, (row.key, row.text, row.metadata, row.content)
