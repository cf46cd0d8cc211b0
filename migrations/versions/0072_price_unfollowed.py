"""A pair whose price nobody wants any more is not followed; what was said of it stays.

Revision ID: 0072
Revises: 0070
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("price_pairs", sa.Column("unfollowed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("price_pairs", "unfollowed_at")
