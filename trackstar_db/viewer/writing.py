"""The login that labels are written by: checked before the first label is."""

from __future__ import annotations

from trackstar_db.database.engine import Connection, Database, open_database
from trackstar_db.database.queries import query
from trackstar_db.errors import DatabaseUnsuitable

OPTION = "--writer"


def open_writer(url: str, shown: Database) -> Database:
    """The database that is shown, by a login that may write labels.

    url: names the login; empty for that of `shown` itself
    Raises DatabaseUnavailable where none answers, DatabaseUnsuitable for a URL that is none, for another database, and
    for a login that lacks a right.
    """
    writer = open_database(url, OPTION) if url else shown
    with writer.session() as connection:
        if url:
            _refuse_another(connection, writer, shown)
        login, lacks, advice = connection.execute(query("viewer_writer_lacks"), {}).fetchone() or ("", [], "")
    if lacks:
        raise DatabaseUnsuitable(
            f"{OPTION}: the login {login} cannot write labels: it lacks {', '.join(lacks)}. Give the URL of a login "
            f"that has the rights of the tables' owner, or let an administrator give it them: {advice}"
        )
    return writer


def _refuse_another(connection: Connection, writer: Database, shown: Database) -> None:
    """Nothing; raises DatabaseUnsuitable where the connection's is not the database that is shown."""
    with shown.session() as other:
        found, expected = (one.execute(query("database_identity")).fetchone() for one in (connection, other))
    if found != expected:
        raise DatabaseUnsuitable(
            f"{OPTION} names another database, {writer.address}, than the one that is shown, {shown.address}: labels "
            "would fall on its documents of the same numbers. Give the URL of another login to the database that is "
            f"shown, or {OPTION} alone to write by your own."
        )
