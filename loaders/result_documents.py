"""The documents of retrieval results: made of their texts where they are new, and the same where they are not."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.destinations import ensure_corpus
from trackstar_db.loaders.records import NO_METADATA, content_digest
from trackstar_db.loaders.result_records import ResultRow
from trackstar_db.loaders.staging import RowsRefused, Staged, stage, write_exactly


class _StoredDocument(NamedTuple):
    document_id: int
    text_digest: bytes


def store_documents(connection: Connection[TupleRow], rows: Sequence[ResultRow], corpus: str) -> dict[str, int]:
    """Numbers by external id of the rows' documents, which are in the corpus now.

    Raises RowsRefused for rows that give a document another text than it has, or none where it is new.
    """
    asked = {entry.document for row in rows for entry in row.entries}
    if not asked:
        return {}
    corpus_id = ensure_corpus(connection, corpus)
    known = _known(connection, corpus_id, asked)
    new = _new_documents(rows, {document: there.text_digest for document, there in known.items()}, corpus)
    if new:
        stage(connection, "document", [_staged(line, document, text) for document, (line, text) in new.items()])
        write_exactly(connection, "load_document_insert", len(new), first_update=len(new), corpus_id=corpus_id)
        known |= _known(connection, corpus_id, new)
    return {document: there.document_id for document, there in known.items()}


def _known(connection: Connection[TupleRow], corpus_id: int, keys: Collection[str]) -> dict[str, _StoredDocument]:
    found = connection.execute(query("load_result_documents"), {"corpus_id": corpus_id, "keys": list(keys)})
    return {key: _StoredDocument(*values) for key, *values in found}


def _new_documents(rows: Sequence[ResultRow], digests: Mapping[str, bytes], corpus: str) -> dict[str, tuple[int, str]]:
    """Line and text of each document that is new; raises RowsRefused.

    digests: of the texts that are there, by document
    """
    known = dict(digests)
    new: dict[str, tuple[int, str]] = {}
    reasons: dict[int, str] = {}
    for row in rows:
        try:
            texts = _new_texts(row, known, corpus)
        except InvalidRecord as error:
            reasons[row.line] = str(error)
            continue
        for document, text in texts.items():
            known[document] = _digest(text)
            new[document] = (row.line, text)
    if reasons:
        raise RowsRefused(reasons)
    return new


def _new_texts(row: ResultRow, known: Mapping[str, bytes], corpus: str) -> dict[str, str]:
    """The texts of the row's documents that are new; raises InvalidRecord for a contradiction."""
    new: dict[str, str] = {}
    for entry in sorted(row.entries, key=lambda entry: entry.text is None):  # its text may stand in the other list
        there = _digest(new[entry.document]) if entry.document in new else known.get(entry.document)
        if entry.text is None:
            if there is None:
                raise InvalidRecord(
                    f"names document {entry.document!r} without its text, and corpus {corpus!r} does not hold it; "
                    "load the documents first, or name their --corpus"
                )
        elif there is None:
            new[entry.document] = entry.text
        elif there != _digest(entry.text):
            raise InvalidRecord(
                f"document {entry.document!r} is in corpus {corpus!r} with another text; expected the same. "
                "Name another --corpus"
            )
    return new


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _staged(line: int, document: str, text: str) -> Staged:
    return line, (document, text, NO_METADATA, content_digest(text, NO_METADATA))
