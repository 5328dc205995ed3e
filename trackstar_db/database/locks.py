"""Work that one process at a time may do on a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query


@contextmanager
def locked(session: Connection[TupleRow], name: str) -> Iterator[None]:
    """A block that one process at a time may be in; the lock goes with the connection.

    session: a connection of its own in autocommit, as `Database.session` gives it
    """
    session.execute(query("advisory_lock"), {"name": name})
    try:
        yield
    finally:
        session.execute(query("advisory_unlock"), {"name": name})
