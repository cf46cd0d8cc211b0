"""Limits count what they are about: a day only what was counted on it, a user only what they asked for themselves.

What was asked for while the house had no daily limit was taken off the day when it was cancelled under one. And a deposit that
operators paid back used up the daily limit of the user whom it had been meant for.

Revision ID: 0092
Revises: 0090
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0090"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.add_column("withdrawals", sa.Column("is_counted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    # Of what may still come to nothing, by the index of what is open. A day without rows was counted for nobody.
    op.execute(
        """
        UPDATE withdrawals AS w SET is_counted = true
        WHERE w.state NOT IN ('completed', 'rejected', 'cancelled', 'failed') AND EXISTS (
            SELECT FROM withdrawal_days AS d WHERE d.asset_id = w.asset_id
                AND d.day = to_char(w.requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
        """
    )
    _run("0092_user_limit")


def downgrade() -> None:
    _run("0092_user_limit_undone")
    op.drop_column("withdrawals", "is_counted")


def _run(name: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute((SQL / f"{name}.sql").read_text())
    cursor.close()
