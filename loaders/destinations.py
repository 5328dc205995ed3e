"""The corpus or query set that a load goes to, made where it is new."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.errors import InputError, InvalidRecord
from trackstar_db.loaders.records import MAX_ID_BYTES, check_characters


def check_name(kind: str, name: str) -> str:
    """The name; raises InputError for one that no corpus, query set or labeler can have."""
    try:
        check_characters(name)
    except InvalidRecord as error:
        raise InputError(f"the name of the {kind} {error}.") from error
    if not name.strip() or len(name.encode()) > MAX_ID_BYTES:
        article = "an" if kind[0] in "aeiou" else "a"
        raise InputError(
            f"{article} {kind} cannot be named {name[:40]!r}; expected 1 to {MAX_ID_BYTES:,} bytes of text."
        )
    return name


def check_run_name(name: str) -> str:
    """The name; raises InputError for one that no run can have, or that `--runs` would read as several."""
    check_name("run", name)
    if name.endswith("/") or any(sign in name for sign in ",*?["):
        raise InputError(f"a run cannot be named {name!r}: expected a name without , * ? [ and without / at its end.")
    return name


def ensure_corpus(connection: Connection[TupleRow], name: str) -> int:
    """The number of a corpus, which is made where it is new."""
    return _ensure(connection, "corpus", name)


def ensure_query_set(connection: Connection[TupleRow], name: str) -> int:
    """The number of a query set, which is made where it is new."""
    return _ensure(connection, "query_set", name)


def _ensure(connection: Connection[TupleRow], kind: str, name: str) -> int:
    look = query(f"{kind}_by_name")
    row = connection.execute(look, {"name": name}).fetchone()
    if row is None:
        connection.execute(query(f"load_{kind}_insert"), {"name": name})
        row = connection.execute(look, {"name": name}).fetchone()
    if row is None:
        raise InputError(f"the {kind.replace('_', ' ')} {name!r} was dropped during the load. Start it again.")
    return int(row[0])
