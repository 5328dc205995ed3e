"""What a PostgreSQL server must have, and the error that says what to run where it lacks something."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row
from sqlalchemy import URL

from trackstar_db.database.engine import Connection
from trackstar_db.database.queries import query
from trackstar_db.errors import DatabaseUnsuitable

OLDEST_POSTGRESQL = 15
OLDEST_PGVECTOR = (0, 7)


@dataclass(frozen=True)
class ServerFacts:
    """The versions of a server and of its pgvector (None: not installed, not available)."""

    version_number: int
    version: str
    encoding: str
    installed_vector: str | None
    available_vector: str | None


def server_facts(connection: Connection) -> ServerFacts:
    """What the server behind a connection is and has."""
    with connection.cursor(row_factory=class_row(ServerFacts)) as cursor:
        return cursor.execute(query("server_facts")).fetchone() or _no_facts()


def check_server(facts: ServerFacts) -> None:
    """Nothing; raises DatabaseUnsuitable where a version is too old or pgvector is missing."""
    major = facts.version_number // 10000
    if major < OLDEST_POSTGRESQL:
        raise DatabaseUnsuitable(
            f"The server is PostgreSQL {facts.version}; trackstar needs {OLDEST_POSTGRESQL} or newer. "
            "Upgrade it, or unset the database URL to use the embedded server."
        )
    if facts.encoding != "UTF8":
        raise DatabaseUnsuitable(
            f"The database's encoding is {facts.encoding}; trackstar needs UTF8. Make another one: "
            "CREATE DATABASE trackstar ENCODING 'UTF8' TEMPLATE template0;"
        )
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    if facts.installed_vector and _version(facts.installed_vector) < OLDEST_PGVECTOR:
        raise DatabaseUnsuitable(
            f"The database has pgvector {facts.installed_vector}; trackstar needs {wanted} or newer. Install "
            f"a newer postgresql-{major}-pgvector on the server, then run in this database, as a superuser: "
            "ALTER EXTENSION vector UPDATE;"
        )
    if not facts.installed_vector and _version(facts.available_vector or "") < OLDEST_PGVECTOR:
        found = f"has pgvector {facts.available_vector}" if facts.available_vector else "has no pgvector"
        raise DatabaseUnsuitable(
            f"The server {found}; trackstar needs {wanted} or newer. Install the package on the server "
            f"(Debian, Ubuntu: postgresql-{major}-pgvector; Red Hat: pgvector_{major}; Homebrew: pgvector), "
            "then run in this database, as a superuser: CREATE EXTENSION vector;"
        )


def create_extension(connection: Connection) -> None:
    """Nothing; pgvector is in the database."""
    if not server_facts(connection).installed_vector:
        connection.execute("CREATE EXTENSION vector")


def missing_right(error: psycopg.errors.InsufficientPrivilege, url: URL) -> DatabaseUnsuitable:
    """The error for a role that lacks a right which an upgrade needs, with what a superuser runs."""
    role = f'"{url.username}"' if url.username else "the role"
    statements = (
        ("extension", "CREATE EXTENSION vector;"),
        ("role", "CREATE ROLE tda_reader NOLOGIN;"),
        ("database", f'GRANT CREATE ON DATABASE "{url.database}" TO {role};'),
    )
    found = str(error.diag.message_primary or error)
    needed = [statement for word, statement in statements if word in found] or [s for _, s in statements]
    return DatabaseUnsuitable(
        f"{role} lacks a right to set the database up: {found}. Nothing was changed. "
        f"As a superuser, run in this database: {' '.join(needed)} Then run: trackstar init"
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _no_facts() -> ServerFacts:
    return ServerFacts(0, "unknown", "unknown", None, None)
