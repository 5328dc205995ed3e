"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

from pathlib import Path

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Apply the plain SQL of the file beside this one."""
    psycopg_connection = op.get_bind().connection.driver_connection
    psycopg_connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Refuse: nothing that took a week to compute is dropped by a command."""
    raise NotImplementedError("Revision ${up_revision} cannot be undone; restore a dump instead.")
