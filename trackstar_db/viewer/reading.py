"""The viewer's connections: a pool of sessions that can only read schema tda, and only what their role was granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from psycopg import Connection, errors, pq, sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from trackstar_db.database.engine import Database
from trackstar_db.database.reader import reader_of
from trackstar_db.database.roles import READER
from trackstar_db.errors import DatabaseUnavailable, DatabaseUnsuitable

CONNECTIONS = 8
STATEMENT_SECONDS = 10
WAIT_SECONDS = 20
"""For a connection, where all are in use; where the database gives none, it is looked at after PATIENT_SECONDS."""
PATIENT_SECONDS = 1
PROBE_SECONDS = 2  # the least that libpq takes
RECONNECT_SECONDS = 2
"""For which the pool tries to get a connection, before it waits to be asked for one."""


class Reading:
    """Transactions that read: each under a time limit, by a role that was granted tda_reader's rights.

    A login that can only read stays itself, with the corpora that it was granted. Any other becomes tda_reader: by
    logging in as it where that is possible, else by SET ROLE, which is as good for statements that are all ours.
    Raises DatabaseUnavailable, SchemaOutOfDate, and DatabaseUnsuitable for a login that may do neither.
    """

    def __init__(self, database: Database) -> None:
        self._role: str | None = None
        try:
            reader = reader_of(database)
        except DatabaseUnsuitable:
            reader, self._role = database, READER
            _refuse_without(database, READER)
        self.address = reader.address
        self._database = reader
        self._pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            lambda: reader.conninfo,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            configure=self._configure,
            check=ConnectionPool.check_connection,
            open=False,
            name="viewer",
        )

    def open(self) -> None:
        """Nothing; the first connection is there. Raises DatabaseUnavailable."""
        self._pool.open()
        try:
            self._pool.wait(WAIT_SECONDS)
        except PoolTimeout as error:
            self._pool.close()
            raise self._unavailable() from error

    def close(self) -> None:
        """Nothing; no connection is left."""
        self._pool.close()

    @contextmanager
    def connect(self) -> Iterator[Connection[Any]]:
        """A connection in a read-only transaction, which is rolled back. Raises DatabaseUnavailable."""
        connection = self._get()
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.rollback()
            self._pool.putconn(connection)

    def _get(self) -> Connection[Any]:
        with suppress(PoolTimeout):
            return self._pool.getconn(PATIENT_SECONDS)
        probe = make_conninfo(self._database.conninfo, connect_timeout=PROBE_SECONDS)
        if pq.PGconn.ping(probe.encode()) != pq.Ping.OK:
            raise self._unavailable()
        try:
            return self._pool.getconn(WAIT_SECONDS)  # all are in use
        except PoolTimeout as error:
            raise self._unavailable() from error

    def _configure(self, connection: Connection[Any]) -> None:
        connection.read_only = True
        if self._role is not None:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(self._role)))
        limit = f"{STATEMENT_SECONDS}s"
        connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('jit', 'off', false)", (limit,)
        )
        connection.commit()

    def _unavailable(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"The database at {self.address} gave no connection. Check that its server runs, and ask again."
        )


def _refuse_without(database: Database, role: str) -> None:
    """Nothing; raises DatabaseUnsuitable where the login may not become the role."""
    with database.session() as connection:
        try:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        except errors.InsufficientPrivilege as error:
            login = connection.info.user
            raise DatabaseUnsuitable(
                f"The login {login} may not read as {role}. Give the URL of one that may, or let an administrator "
                f"say: GRANT {role} TO {login};"
            ) from error
