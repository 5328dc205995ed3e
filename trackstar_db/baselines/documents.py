"""The documents that methods without gradients rank."""

from __future__ import annotations

from collections.abc import Iterator

from trackstar_db.database.queries import query
from trackstar_db.errors import EncodingIncomplete
from trackstar_db.search.request import SearchRequest

BLOCK_DOCUMENTS = 4096


def document_count(request: SearchRequest) -> int:
    """How many documents there are to rank; raises EncodingIncomplete where there is none."""
    (count,) = request.connection.execute(query("search_document_count"), request.document_parameters).fetchone() or (
        0,
    )
    if not count:
        where = f"Corpus {request.options.corpus!r}" if request.options.corpus else "The database"
        raise EncodingIncomplete(f"{where} has no document. Run: trackstar load documents PATH --corpus NAME")
    return int(count)


def document_blocks(request: SearchRequest) -> Iterator[tuple[list[int], list[str]]]:
    """Numbers and texts of the documents to rank, in the order they were loaded, BLOCK_DOCUMENTS at a time."""
    parameters = {**request.document_parameters, "after": 0, "size": BLOCK_DOCUMENTS}
    while rows := request.connection.execute(query("search_documents"), parameters).fetchall():
        yield [number for number, _ in rows], [text for _, text in rows]
        parameters["after"] = rows[-1][0]
