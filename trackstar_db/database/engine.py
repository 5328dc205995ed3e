"""Connections: which database, a pool of psycopg connections to it, and what a lost one is called.

The address is given, or TRACKSTAR_DATABASE_URL, or DATABASE_URL, or the embedded server's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy import Connection as BoundConnection
from sqlalchemy.exc import DBAPIError

from trackstar_db.database.queries import query
from trackstar_db.errors import DatabaseUnavailable, DatabaseUnsuitable

__all__ = ["Database", "configured_url", "open_database"]

URL_VARIABLES = ("TRACKSTAR_DATABASE_URL", "DATABASE_URL")
SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
URL_OPTION = "--database-url"
NAMES = f"{URL_OPTION}, TRACKSTAR_DATABASE_URL or DATABASE_URL"
CONNECT_SECONDS = 30
CANCEL_SECONDS = 5
LOST_CONNECTION_STATES = ("08", "57P")  # connection exceptions; shut down, crashed, not yet up

Connection = psycopg.Connection[TupleRow]


class Database:
    """One PostgreSQL database; nothing connects before it must.

    find_parameters: libpq's connection parameters, asked for at each new connection
    recover: called once when a connection is refused, to start a server that is ours
    named_by: options and variables that say where it is, for people who must correct them
    """

    def __init__(
        self,
        find_parameters: Callable[[], dict[str, str]],
        recover: Callable[[], object] | None = None,
        named_by: str = NAMES,
    ) -> None:
        self._find_parameters = find_parameters
        self._recover = recover
        self.named_by = named_by
        self.engine: Engine = create_engine(
            "postgresql+psycopg://", creator=self._open, pool_pre_ping=True, use_native_hstore=False
        )

    @property
    def url(self) -> URL:
        """The address as a URL; shown with *** for the password."""
        parameters = self._find_parameters()
        is_host = parameters.get("host", "").replace(".", "").replace("-", "").isalnum()
        is_port = is_host and parameters.get("port", "").isdigit()
        return URL.create(
            "postgresql+psycopg",
            username=parameters.pop("user", None),
            password=parameters.pop("password", None),
            host=parameters.pop("host") if is_host else None,
            port=int(parameters.pop("port")) if is_port else None,
            database=parameters.pop("dbname", None),
            query=parameters,
        )

    @property
    def address(self) -> str:
        """The address to show people, in libpq's form, with *** for the password."""
        shown = self.url.set(drivername="postgresql").difference_update_query(["sslpassword"]).render_as_string()
        server, mark, query_part = shown.partition("?")
        # libpq reads + as itself; SQLAlchemy writes spaces so after the question mark.
        return server.replace(" ", "%20") + mark + query_part.replace("+", "%20")

    @property
    def conninfo(self) -> str:
        """The address for libpq, its password included: what a pool of another kind connects by."""
        defaults = {"connect_timeout": str(CONNECT_SECONDS), "fallback_application_name": "trackstar"}
        fixed = {"client_encoding": "UTF8"}  # whatever PGCLIENTENCODING says: texts are sent and read as that
        return make_conninfo("", **{**defaults, **self._find_parameters(), **fixed})

    def __repr__(self) -> str:
        return f"Database({self.address!r})"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection inside one transaction: committed on success, rolled back on any exception.

        Raises DatabaseUnavailable where no server answers, and when it goes away inside the block.
        """
        with self._telling_of_loss():
            pooled = self.engine.raw_connection()
            connection = cast(Connection, pooled.driver_connection)
            try:
                self._register_vector(connection, pooled.info)
                yield connection
                connection.commit()
            except BaseException:
                if not rolled_back(connection):
                    pooled.invalidate()
                raise
            finally:
                pooled.close()

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of its own in autocommit: for locks held across transactions.

        Raises DatabaseUnavailable where no server answers, and when it goes away inside the block.
        """
        with self._telling_of_loss():
            connection = self._open()
            with connection:
                connection.autocommit = True
                self._register_vector(connection, {})
                yield connection

    @contextmanager
    def bound(self) -> Iterator[tuple[BoundConnection, Connection]]:
        """One connection inside one transaction, as SQLAlchemy's (for Alembic) and as psycopg's.

        Raises DatabaseUnavailable where no server answers, and when it goes away inside the block.
        """
        with self._telling_of_loss(), self.engine.begin() as bound:
            yield bound, cast(Connection, bound.connection.driver_connection)

    def as_role(self, role: str) -> Database:
        """The same database by another login, without this one's password: libpq looks for the role's own."""

        def find_parameters() -> dict[str, str]:
            found = {name: value for name, value in self._find_parameters().items() if name != "password"}
            return {**found, "user": role}

        return Database(find_parameters, self._recover, self.named_by)

    def close(self) -> None:
        """Close the pool's connections; the next use opens new ones."""
        self.engine.dispose()

    def _open(self) -> Connection:
        try:
            return self._attempt()
        except psycopg.OperationalError:
            if self._recover is None:
                raise
        self._recover()
        return self._attempt()

    def _attempt(self) -> Connection:
        return psycopg.connect(self.conninfo)

    def _register_vector(self, connection: Connection, known: Any) -> None:
        """Teach the connection pgvector's types, once, as soon as the extension is there."""
        if "vector" in known:
            return
        find_vector(connection)
        row = connection.execute("SELECT to_regtype('halfvec') IS NOT NULL").fetchone()
        connection.commit()  # or the search path would go with the transaction
        if row and row[0]:
            register_vector(connection)
            known["vector"] = True

    @contextmanager
    def _telling_of_loss(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not isinstance(cause, psycopg.OperationalError) or not is_loss(cause):
                raise
            raise unavailable(cause, self) from error


def open_database(url: str | None = None, option: str = URL_OPTION) -> Database:
    """The database at a URL, at the one of the environment, or on the embedded server.

    option: that gave the URL, for messages. Raises DatabaseUnsuitable where the URL is not PostgreSQL's. Connects at
    first use, and then starts the embedded server if it does not run.
    """
    source, text = (option, url) if url else configured_url()
    if not text:
        return _embedded_database()
    parameters = _parse_url(text, source)
    return Database(lambda: dict(parameters), named_by=NAMES if option == URL_OPTION else option)


def configured_url() -> tuple[str, str | None]:
    """The environment variable that names the database and its value; None for the embedded server."""
    for name in URL_VARIABLES:
        if value := os.environ.get(name):
            return name, value
    return "", None


def rolled_back(connection: Connection) -> bool:
    """Whether the connection is fit for another transaction, now that this one is undone.

    Ctrl-C can come between a statement's sending and the wait for its end. psycopg then takes no other on that
    connection, and the server, which goes on with the statement, is told to stop.
    """
    if connection.info.transaction_status == TransactionStatus.ACTIVE:
        with suppress(psycopg.Error):  # it ends with the connection
            connection.cancel_safe(timeout=CANCEL_SECONDS)
        return False
    try:
        connection.rollback()
    except psycopg.Error:  # what the block raised tells more
        return False
    return True


def find_vector(connection: Connection) -> None:
    """Nothing; pgvector's types and operators are found without their schema's name, wherever they were put."""
    connection.execute(query("vector_search_path"))


def is_loss(error: psycopg.OperationalError) -> bool:
    """Whether an error means that there is no server any more, rather than that it refused a statement."""
    if isinstance(error, psycopg.errors.ProtocolViolation):  # of this class, but what is sent for a parameter too few
        return False
    return error.sqlstate is None or error.sqlstate.startswith(LOST_CONNECTION_STATES)


def unavailable(error: psycopg.OperationalError, database: Database | None = None) -> DatabaseUnavailable:
    """The error to raise for a server that cannot be reached; it never holds a password."""
    found = str(error).strip()
    password = database.url.password if database else None
    if password:
        found = found.replace(str(password), "***")
    address = f" at {database.address}" if database else ""
    return DatabaseUnavailable(
        f"The database{address} does not answer, or the connection broke: {found}\n"
        f"Check the address ({database.named_by if database else NAMES}) and that its server runs."
    )


def _embedded_database() -> Database:
    from trackstar_db.database.embedded import EmbeddedServer

    server = EmbeddedServer()
    return Database(server.parameters, server.start)


def _parse_url(text: str, source: str) -> dict[str, str]:
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES or not rest:
        found = f"a URL that begins with {scheme}://" if rest else "something that is not a URL"
        said = f"{source} holds {found}; expected a PostgreSQL address such as postgresql://user@host/database."
        if source in (URL_OPTION, *URL_VARIABLES):
            said += " Set TRACKSTAR_DATABASE_URL, which comes before DATABASE_URL, or neither for the embedded server."
        raise DatabaseUnsuitable(said)
    try:
        parameters = conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.ProgrammingError:
        pass  # its message quotes the URL, and with it the password
    else:
        return {name: str(value) for name, value in parameters.items() if value is not None}
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    # An @ further on may be a password's, and what is left of it then too.
    is_plain = "@" not in rest[len(authority) :]
    host = f" (its host is given as {authority.rpartition('@')[2]!r})" if is_plain else ""
    raise DatabaseUnsuitable(
        f"{source} is not a PostgreSQL address that can be read{host}. Write it as "
        "postgresql://user:password@host:5432/database, with special characters percent-encoded (@ as %40)."
    )
