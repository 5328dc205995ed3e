"""What analysts and dashboards read: answers computed beforehand, and who sees which corpus.

Revision ID: 0004
Revises: 0003
"""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, in the plain SQL of the file beside this one."""
    connection = cast(psycopg.Connection[Any], op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())


def downgrade() -> None:
    """Refuse: what was granted and refreshed is not dropped by a command."""
    raise NotImplementedError("Revision 0004 is not taken back; restore a backup made before the upgrade instead.")
