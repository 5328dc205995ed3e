"""Alembic's entry: upgrades run on the connection that schema.py gives, or on our own database."""

from alembic import context
from sqlalchemy import Connection, text

from trackstar_db.database.engine import open_database

VERSION_SCHEMA = "trackstar"


def run(connection: Connection) -> None:
    """Run the asked-for revisions in the connection's transaction, if it is in one, else in a new one."""
    # Not IF NOT EXISTS: that asks for the right to create a schema even where there is one.
    if not connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": VERSION_SCHEMA}):
        connection.execute(text("CREATE SCHEMA trackstar"))
    context.configure(connection=connection, version_table_schema=VERSION_SCHEMA)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("The revisions are applied by `trackstar init`; there is no offline mode.")
given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with open_database().engine.begin() as opened:
        run(opened)
