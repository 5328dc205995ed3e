"""The numbers behind the names that people use."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.errors import NotFound


def corpus_id(connection: Connection[TupleRow], name: str) -> int:
    """The number of a corpus; raises NotFound naming the corpora that are there."""
    advice = "Load it with: trackstar load documents PATH --corpus NAME"
    return _lookup(connection, "corpus", name, advice)


def query_set_id(connection: Connection[TupleRow], name: str) -> int:
    """The number of a query set; raises NotFound naming the query sets that are there."""
    advice = "Load it with: trackstar load queries PATH --query-set NAME"
    return _lookup(connection, "query_set", name, advice)


def relation_ids(connection: Connection[TupleRow], name: str) -> tuple[int, ...]:
    """The numbers of the relations of a label or uri; raises NotFound naming the relations that are there."""
    numbers = [number for (number,) in connection.execute(query("relation_by_name"), {"name": name})]
    if not numbers:
        labels = [label for (label,) in connection.execute(query("relation_names"))]
        known = f"the database has: {', '.join(labels)}" if labels else "the database has none yet"
        raise NotFound(f"no relation has the label or uri {name!r}; {known}. They come with trackstar load facts PATH")
    return tuple(numbers)


def _lookup(connection: Connection[TupleRow], kind: str, name: str, advice: str) -> int:
    row = connection.execute(query(f"{kind}_by_name"), {"name": name}).fetchone()
    if row is None:
        word = kind.replace("_", " ")
        names = [found for (found,) in connection.execute(query(f"{kind}_names"))]
        known = f"the database has: {', '.join(names)}" if names else "the database has none yet"
        raise NotFound(f"no {word} named {name!r}; {known}. {advice}")
    return int(row[0])
