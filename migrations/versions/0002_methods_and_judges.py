"""Methods, tasks, judges and what they say.

Revision ID: 0002
Revises: 0001
"""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, in the plain SQL of the file beside this one."""
    connection = cast(psycopg.Connection[Any], op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())


def downgrade() -> None:
    """Refuse: what judges found in hours is not dropped by a command."""
    raise NotImplementedError("Revision 0002 is not taken back; restore a backup made before the upgrade instead.")
