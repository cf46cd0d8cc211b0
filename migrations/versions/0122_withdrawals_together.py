"""Requests for withdrawals that come at one moment are accepted by one function, in one commit.

Revision ID: 0122
Revises: 0114
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0122"
down_revision = "0114"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    _run("0122_withdrawals_together")


def downgrade() -> None:
    _run("0122_withdrawals_together_undone")


def _run(name: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute((SQL / f"{name}.sql").read_text())
    cursor.close()
