"""What a million documents need: filters, full fidelity, searches that continue.

Revision ID: 0003
Revises: 0002
"""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, in the plain SQL of the file beside this one."""
    connection = cast(psycopg.Connection[Any], op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())


def downgrade() -> None:
    """Refuse: gradients that took days are not dropped by a command."""
    raise NotImplementedError("Revision 0003 is not taken back; restore a backup made before the upgrade instead.")
