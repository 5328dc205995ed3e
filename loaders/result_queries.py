"""The queries of retrieval results: made where they are new, and the same where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.records import NO_METADATA, content_digest
from trackstar_db.loaders.result_records import ResultRow
from trackstar_db.loaders.staging import RowsRefused, Staged, stage, write_exactly


class StoredQuery(NamedTuple):
    """A query as it is stored."""

    query_id: int
    prompt: str
    target: str
    fact_id: str | None


def refuse_other_queries(connection: Connection[TupleRow], rows: Sequence[ResultRow], query_set_id: int) -> None:
    """Nothing; raises RowsRefused for rows that ask something else than the query of their id.

    That is stored, or stands in a row before: files of several tasks may count each task's records from the beginning.
    """
    asked = _known(connection, query_set_id, [row.key for row in rows])
    reasons = {}
    for row in rows:
        there = asked.setdefault(row.key, StoredQuery(0, row.prompt, row.target, row.fact_id))
        if reason := _contradiction(row, there):
            reasons[row.line] = reason
    if reasons:
        raise RowsRefused(reasons)


def store_queries(
    connection: Connection[TupleRow], rows: Sequence[ResultRow], query_set_id: int
) -> dict[str, StoredQuery]:
    """The rows' queries by external id, which are there now; a new one asks for its record's fact, if that is there."""
    known = _known(connection, query_set_id, [row.key for row in rows])
    new = [row for row in rows if row.key not in known]
    if new:
        facts = _facts_there(connection, new)
        stage(connection, "query", [_staged(row, row.fact_id if row.fact_id in facts else None) for row in new])
        write_exactly(connection, "load_query_insert", len(new), first_update=len(new), query_set_id=query_set_id)
        known |= _known(connection, query_set_id, [row.key for row in new])
    return known


def _known(connection: Connection[TupleRow], query_set_id: int, keys: list[str]) -> dict[str, StoredQuery]:
    found = connection.execute(query("load_result_queries"), {"query_set_id": query_set_id, "keys": keys})
    return {key: StoredQuery(*values) for key, *values in found}


def _facts_there(connection: Connection[TupleRow], rows: Sequence[ResultRow]) -> set[str]:
    asked = list({row.fact_id for row in rows if row.fact_id is not None})
    return {fact for (fact,) in connection.execute(query("load_facts_there"), {"keys": asked})}


def _staged(row: ResultRow, fact_id: str | None) -> Staged:
    asked = (row.prompt, row.target, fact_id)
    return row.line, (row.key, *asked, NO_METADATA, content_digest(*asked, NO_METADATA))


def _contradiction(row: ResultRow, there: StoredQuery) -> str | None:
    """Why the stored query is another than the row's; None where it is the same."""
    named = f"query {row.key!r} of query set {row.query_set!r}"
    if (there.prompt, there.target) != (row.prompt, row.target):
        return (
            f"{named} is there already with another prompt or target ({there.prompt!r}, {there.target!r}); "
            "expected the same. Name another --query-set and --run for records of another task"
        )
    if None not in (there.fact_id, row.fact_id) and there.fact_id != row.fact_id:
        return f"{named} asks for fact {there.fact_id!r}; the record has {row.fact_id!r}. Name another --query-set"
    return None
