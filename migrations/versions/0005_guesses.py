"""Indexes that readers' comparisons do not reach, so that nobody finds out by guessing what rows of other corpora hold.

Revision ID: 0005
Revises: 0004
"""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the indexes, in the plain SQL of the file beside this one."""
    connection = cast(psycopg.Connection[Any], op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())


def downgrade() -> None:
    """Refuse: an earlier version's policies would let readers guess."""
    raise NotImplementedError("Revision 0005 is not taken back; restore a backup made before the upgrade instead.")
