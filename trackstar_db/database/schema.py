"""The schema of a database: made, upgraded, and compared with the code's.

Tables come from the Alembic revisions; functions, views and grants from the files of sql/, which are applied
again after every upgrade. Both happen in one transaction: a database is at a revision or it is not.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TypeGuard

import psycopg
import sqlalchemy.exc
from psycopg import sql
from sqlalchemy import Connection as BoundConnection

import trackstar_db.migrations
from trackstar_db import __version__
from trackstar_db.database.engine import Connection, Database, find_vector
from trackstar_db.database.queries import query
from trackstar_db.database.revision import (
    SchemaState,
    code_state,
    head_revision,
    object_files,
    read_state,
    refuse_newer,
)
from trackstar_db.database.server import check_server, create_extension, missing_right, server_facts
from trackstar_db.database.status import Status, status
from trackstar_db.errors import DatabaseUnsuitable, SchemaOutOfDate

FOREIGN = (
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateObject,
    psycopg.errors.DuplicateFunction,
)
_LOG = logging.getLogger(__name__)
_ALEMBIC = Lock()  # Alembic keeps the connection it works on in a global variable

__all__ = ["SchemaState", "Status", "initialize", "require_current", "status"]


def initialize(database: Database) -> SchemaState:
    """The state before; afterwards the database is at the code's revision, with the code's views.

    Raises DatabaseUnsuitable where the server lacks something, SchemaOutOfDate where a newer version of
    trackstar-db made the database, DatabaseUnavailable. Then nothing has changed.
    """
    try:
        with database.bound() as (bound, connection):
            check_server(server_facts(connection))
            connection.execute(query("schema_lock"))
            before = read_state(connection)
            refuse_newer(before)
            if not before.is_current:
                connection.add_notice_handler(_pass_on)
                _upgrade(bound, connection)
    except (psycopg.ProgrammingError, sqlalchemy.exc.ProgrammingError) as error:
        refused = error.orig if isinstance(error, sqlalchemy.exc.ProgrammingError) else error
        if isinstance(refused, FOREIGN) or _is_about_our_schema(refused):
            raise DatabaseUnsuitable(
                f"The database has a schema or table of the name that trackstar uses (tda, trackstar), made by "
                f"another program or role: {refused.diag.message_primary}. Nothing was changed. Connect as the "
                "role that ran trackstar init, or take a database of its own (CREATE DATABASE), or rename what "
                "is in the way: ALTER SCHEMA tda RENAME TO another_name; Then run: trackstar init"
            ) from error
        if not isinstance(refused, psycopg.errors.InsufficientPrivilege):
            raise
        raise missing_right(refused, database.url) from error
    database.close()  # connections opened before do not know the vector types
    return before


def require_current(database: Database) -> None:
    """Nothing; raises SchemaOutOfDate where the database is not at the code's revision."""
    with database.connect() as connection:
        state = read_state(connection)
    if state.is_current:
        return
    refuse_newer(state)
    if state.revision is None:
        raise SchemaOutOfDate("The database has no tables of trackstar yet. Run: trackstar init")
    has = "views of another version" if state.revision == head_revision() else f"revision {state.revision}"
    raise SchemaOutOfDate(
        f"The database has {has}; trackstar-db {__version__} expects revision {head_revision()} and its own "
        "views. Run: trackstar init"
    )


def _is_about_our_schema(error: BaseException | None) -> TypeGuard[psycopg.errors.InsufficientPrivilege]:
    """Whether a role may not do something to what is in our schemas, as opposed to the database."""
    if not isinstance(error, psycopg.errors.InsufficientPrivilege):
        return False
    found = str(error.diag.message_primary)
    return found.startswith("must be owner of") or "schema tda" in found or "schema trackstar" in found


def _upgrade(bound: BoundConnection, connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    create_extension(connection)
    find_vector(connection)
    _let_gradients_be_bytes(connection)
    config = Config()  # made in code: a wheel has no alembic.ini
    folder = str(Path(trackstar_db.migrations.__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = bound
    with _ALEMBIC:
        command.upgrade(config, "head")
    for path in object_files():
        connection.execute(sql.SQL(path.read_text(encoding="utf-8")))
    objects = sql.Literal(code_state().objects)
    connection.execute(sql.SQL("COMMENT ON SCHEMA trackstar IS {}").format(objects))


def _pass_on(notice: psycopg.errors.Diagnostic) -> None:
    """Nothing; what the server warns of in an upgrade is logged: on standard error, unless a program sees to it."""
    if notice.severity_nonlocalized == "WARNING":
        _LOG.warning("Warning: %s", notice.message_primary)


def _let_gradients_be_bytes(connection: Connection) -> None:
    """Nothing; there is a cast from halfvec to bytes where the role may make one. Without it reading is slower."""
    if connection.execute(query("halfvec_cast_exists")).fetchone() == (True,):
        return
    with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute(query("halfvec_cast_create"))
