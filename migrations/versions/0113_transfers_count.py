"""Whether what goes to other people of the house counts toward the daily limit of who sends it.

Revision ID: 0113
Revises: 0105
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0113"
down_revision = "0105"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.add_column(
        "withdrawal_policies",
        sa.Column("transfers_count", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_flows_transfers_made",
        "flows",
        ["user_id", "asset_id", "opened_at"],
        postgresql_where=sa.text("kind = 'internal_transfer'"),
    )
    _run("0113_transfers_count")


def downgrade() -> None:
    _run("0092_user_limit")
    op.drop_index("ix_flows_transfers_made", "flows")
    op.drop_column("withdrawal_policies", "transfers_count")


def _run(name: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute((SQL / f"{name}.sql").read_text())
    cursor.close()
