"""The tables of the first trace.

Revision ID: 0001
Revises:
"""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, in the plain SQL of the file beside this one."""
    connection = cast(psycopg.Connection[Any], op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())


def downgrade() -> None:
    """Refuse: a corpus that took a week to encode is not dropped by a command."""
    raise NotImplementedError("Revision 0001 is the first; drop the database instead of downgrading it.")
