"""The tables of the first trace.

Revision ID: 0001
Revises:
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, in the plain SQL of the file beside this one."""
    psycopg_connection = op.get_bind().connection.driver_connection
    psycopg_connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Refuse: a corpus that took a week to encode is not dropped by a command."""
    raise NotImplementedError("Revision 0001 is the first; drop the database instead of downgrading it.")
