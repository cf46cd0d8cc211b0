"""The house's limit is kept beside the day's count, so that PostgreSQL itself refuses to count above it.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("withdrawal_days", sa.Column("limit_minor", sa.Numeric(78, 0), nullable=True))
    op.create_check_constraint(
        op.f("ck_withdrawal_days_within_limit"), "withdrawal_days", "requested_minor <= limit_minor"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_withdrawal_days_within_limit"), "withdrawal_days", type_="check")
    op.drop_column("withdrawal_days", "limit_minor")
