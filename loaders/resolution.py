"""The numbers of the documents, facts and queries that labels name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.errors import InvalidRecord

if TYPE_CHECKING:
    from trackstar_db.loaders.labels import LabelRow


class Targets:
    """What the labels of one part name, looked up together; raises InvalidRecord for what is not there."""

    def __init__(self, connection: Connection[TupleRow], rows: Sequence[LabelRow]) -> None:
        documents = list({row.document for row in rows})
        queries = list({row.query for row in rows if row.query})
        facts = list({row.fact_id for row in rows if row.fact_id})
        self._documents = _by_name(connection, "load_documents_there", documents)
        self._queries = _by_name(connection, "load_queries_there", queries)
        self._facts = {fact for (fact,) in connection.execute(query("load_facts_there"), {"keys": facts})}

    def document(self, row: LabelRow) -> int:
        """The number of the document."""
        found = self._documents.get(row.document, {})
        return _only(found, row.corpus, f"document {row.document!r}", "corpus")

    def query(self, row: LabelRow) -> int:
        """The number of the query."""
        found = self._queries.get(row.query or "", {})
        return _only(found, row.query_set, f"query {row.query!r}", "query set")

    def fact(self, row: LabelRow) -> str:
        """The fact's id."""
        if row.fact_id is None or row.fact_id not in self._facts:
            raise InvalidRecord(f"names fact {row.fact_id!r}, which is not loaded; load its facts first")
        return row.fact_id


def _by_name(connection: Connection[TupleRow], name: str, keys: list[str]) -> dict[str, dict[str, int]]:
    """Numbers by external id and by the name of the corpus or query set."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for external_id, holder, number in connection.execute(query(name), {"keys": keys}):
        found[external_id][holder] = number
    return found


def _only(found: Mapping[str, int], holder: str | None, what: str, kind: str) -> int:
    if holder is not None:
        if holder not in found:
            raise InvalidRecord(f"names {what}, which {kind} {holder!r} does not hold; load it first")
        return found[holder]
    if not found:
        raise InvalidRecord(f"names {what}, which is not loaded; load it first")
    if len(found) > 1:
        option = "--" + kind.replace(" ", "-")
        raise InvalidRecord(f"names {what}, which is in {', '.join(sorted(found))}; say which with {option}")
    return next(iter(found.values()))
