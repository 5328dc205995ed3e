"""The transactions of a load: one a part, tried again where others were in the way; or one rehearsal."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from psycopg import Connection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Database
from trackstar_db.errors import DatabaseError
from trackstar_db.loaders.staging import Overtaken

ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 0.02
_IN_THE_WAY = (DeadlockDetected, SerializationFailure, UniqueViolation, Overtaken)

T = TypeVar("T")
Work = Callable[[Connection[TupleRow]], T]


class Transactions(ABC):
    """Where the work of a load is done."""

    @abstractmethod
    def keep(self, work: Work[T]) -> T:
        """What the work gives; its writes are committed."""

    @abstractmethod
    def rehearse(self, work: Work[T]) -> T:
        """What the work gives; its writes are taken back."""


class Committed(Transactions):
    """A transaction for each work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, work: Work[T]) -> T:
        """What the work gives; tried again after a deadlock or where another transaction was faster."""
        attempt = 1
        while True:
            try:
                with self._database.connect() as connection:
                    return work(connection)
            except _IN_THE_WAY as error:
                if attempt == ATTEMPTS:
                    raise DatabaseError(
                        f"other transactions were in the way of this part {ATTEMPTS} times: {error}. "
                        "It is not written; when they have ended, start the load again: it continues here."
                    ) from error
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
                attempt += 1

    def rehearse(self, work: Work[T]) -> T:
        """What the work gives; its writes are taken back."""
        with self._database.connect() as connection, connection.transaction(force_rollback=True):
            return work(connection)


class Rehearsal(Transactions):
    """One transaction for all work, so that later work sees earlier; taken back at the end."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self._connection = connection

    def keep(self, work: Work[T]) -> T:
        """What the work gives; a work that fails leaves nothing in the transaction."""
        with self._connection.transaction():
            return work(self._connection)

    rehearse = keep


@contextmanager
def transactions(database: Database, is_dry_run: bool) -> Iterator[Transactions]:
    """Committed transactions, or the rehearsal of a dry run, which leaves no trace."""
    if not is_dry_run:
        yield Committed(database)
        return
    with database.connect() as connection, connection.transaction(force_rollback=True):
        yield Rehearsal(connection)
