"""Requests for withdrawals look up each row by its key, also where a connection learnt to while there were few.

Revision ID: 0123
Revises: 0115
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0123"
down_revision = "0115"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    _run("0123_each_by_its_key")


def downgrade() -> None:
    _run("0123_each_by_its_key_undone")


def _run(name: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute((SQL / f"{name}.sql").read_text())
    cursor.close()
