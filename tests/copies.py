"""Databases of the tests, copied on one server or carried to another."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from trackstar_db.database.embedded import EmbeddedServer, find_binaries
from trackstar_db.database.engine import open_database
from trackstar_db.database.schema import initialize


def administer(server: EmbeddedServer, statement: str, *names: str) -> None:
    """Nothing; a statement about whole databases was run, with these names for its {}."""
    with psycopg.connect(**server.parameters(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


def copy_database(server: EmbeddedServer, name: str, template: str) -> str:
    """The URL of a new database, the copy of one that nobody is connected to."""
    administer(server, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
    return server.url(database=name)


def initialized_database(server: EmbeddedServer, name: str) -> str:
    """The URL of a new database at the code's revision."""
    administer(server, "CREATE DATABASE {}", name)
    database = open_database(server.url(database=name))
    initialize(database)
    database.close()
    return server.url(database=name)


def dump_database(url: str, path: Path) -> None:
    """Nothing; the database is in the file."""
    command = [find_binaries() / "pg_dump", "--format=custom", "--compress=none", f"--file={path}", url]
    subprocess.run(command, check=True)


def restore_database(url: str, path: Path) -> None:
    """Nothing; the database, which has our roles and schemas, holds what the file does."""
    command = [find_binaries() / "pg_restore", "--clean", "--if-exists", "--no-owner", "--exit-on-error"]
    subprocess.run([*command, f"--dbname={url}", path], check=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
