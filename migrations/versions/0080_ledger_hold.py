"""A transaction of holds in one call, as a plain transfer has it: most requests for a withdrawal are nothing else.

Revision ID: 0080
Revises: 0075
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0080"
down_revision = "0075"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "0080_ledger_hold.sql"


def upgrade() -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute(SQL.read_text())
    cursor.close()


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger_hold")
