"""Find the payments that the next block may hold without reading every one that failed.

Revision ID: 0090
Revises: 0089
"""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_payouts_awaited",
        "payouts",
        ["chain"],
        postgresql_where=sa.text("block_height IS NULL AND (state <> 'failed' OR conflict_height IS NULL)"),
    )
    op.create_index(
        "ix_payouts_given_up",
        "payouts",
        ["chain", "conflict_height"],
        postgresql_where=sa.text("state = 'failed' AND block_height IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_payouts_given_up", table_name="payouts")
    op.drop_index("ix_payouts_awaited", table_name="payouts")
