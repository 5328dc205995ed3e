"""The index of documents' words, by which `tda.search_documents` finds them quickly; it follows every change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trackstar_db.database.engine import Connection, Database
from trackstar_db.database.queries import query
from trackstar_db.errors import InUse


def build_word_index(database: Database) -> None:
    """Nothing; the index is there, and documents may be loaded meanwhile. One that was cut off is built anew.

    Raises InUse while another process builds or drops it.
    """
    with _alone(database) as session:
        if session.execute(query("word_index_state")).fetchone() == (True,):
            return
        session.execute(query("word_index_drop"))
        session.execute(query("word_index_build"))
        session.execute(query("word_index_quiet"))


def drop_word_index(database: Database) -> None:
    """Nothing; the index is gone, if there was one: loads are quicker, and searches take every text apart.

    Raises InUse while another process builds or drops it.
    """
    with _alone(database) as session:
        session.execute(query("word_index_drop"))


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A session that nobody waits for: a waiting statement would be waited for by CREATE INDEX CONCURRENTLY."""
    with database.session() as session:
        if session.execute(query("advisory_try_lock"), {"name": "word index"}).fetchone() == (False,):
            raise InUse("another process builds or drops the index of words. Wait for it to end.")
        yield session
